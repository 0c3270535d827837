"""A server that sends a byte now and then does not hold us for ever."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from rktpy.host.http.client import Client
from rktpy.host.http.errors import HttpError
from rktpy.host.http.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
SOON = Patience(head=0.3, window=0.3, least=6000, pauses=())


class Dripping:
    """Answers one request with ``first`` and then ``drop`` each ``pause`` seconds."""

    def __init__(self, first: bytes, drop: bytes, pause: float = 0.005) -> None:
        self._words = first, drop
        self._pause = pause
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(20)  # nobody comes where the test failed before
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        first, drop = self._words
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(1 << 16)
            try:
                connection.sendall(first)
                while not self._ended.wait(self._pause):
                    connection.sendall(drop)
            except OSError:
                return  # they hung up, as they should

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()


@pytest.fixture
def drip(request: pytest.FixtureRequest) -> Iterator[Dripping]:
    dripping = Dripping(*request.param)
    yield dripping
    dripping.end()


HEADS = {
    "before the status": (b"", b"H"),
    "within a field": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "field by field": (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("drip", HEADS.values(), ids=HEADS, indirect=True)
def test_the_head_of_an_answer_has_to_come(drip: Dripping) -> None:
    with Client(patience=SOON) as client, pytest.raises(HttpError, match="does not answer"):
        client.request(drip.url, plain=True)


@pytest.mark.parametrize("drip", [(HEAD, b"x")], indirect=True)
def test_a_body_has_to_come_at_some_speed(drip: Dripping) -> None:
    with (
        Client(patience=SOON) as client,
        client.request(drip.url, plain=True) as answer,
        pytest.raises(HttpError, match="has stopped sending"),
    ):
        answer.body(1 << 20)


@pytest.mark.parametrize("drip", [(HEAD, b"x" * 20_000, 0.3)], indirect=True)
def test_a_slow_body_that_gets_on_is_taken(drip: Dripping) -> None:
    """It takes longer than the window, and each drop is more than has to come in one."""
    patience = SOON.replace(head=20.0, window=1.2)
    with Client(patience=patience) as client, client.request(drip.url, plain=True) as answer:
        assert answer.body(1 << 20) == b"x" * 100_000
