"""Descriptors for a unit, over the private socket of a systemd."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from jeepney import Message, Parser, new_error, new_method_return

from rktpy.systemd.handover import HandoverError, start_with_streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNIT = "web.service"


class Systemd:
    """Greets one peer, takes one call with its descriptors, and answers by ``answer``."""

    def __init__(self, path: str, answer: Callable[[Message], Message]) -> None:
        self._answer = answer
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(path)
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.call: Message | None = None
        self.fds: list[int] = []

    def _serve(self) -> None:
        peer, _ = self._listening.accept()
        with peer, self._listening:
            for answer in (b"OK 0123456789abcdef0123456789abcdef\r\n", b"AGREE_UNIX_FD\r\n"):
                peer.recv(1024)
                peer.sendall(answer)
            assert peer.recv(1024) == b"BEGIN\r\n"  # alone: with descriptors it would be refused
            data, self.fds, _, _ = socket.recv_fds(peer, 65536, 8)
            parser = Parser()
            parser.add_data(data, fds=self.fds)
            self.call = parser.get_next_message()
            assert self.call is not None
            peer.sendall(self._answer(self.call).serialise(1))

    def join(self) -> None:
        self._thread.join(10)


def test_a_unit_is_asked_for_with_the_three_descriptors(tmp_path: Path) -> None:
    path = str(tmp_path / "private")
    systemd = Systemd(path, lambda call: new_method_return(call, "o", ("/job/1",)))
    ours = [*os.pipe(), os.open(os.devnull, os.O_WRONLY)]

    start_with_streams(path, UNIT, ours)
    systemd.join()

    assert systemd.call is not None
    unit, mode, properties, rest = systemd.call.body
    assert (unit, mode, rest) == (UNIT, "fail", [])
    assert [name for name, _ in properties] == [
        "StandardInputFileDescriptor", "StandardOutputFileDescriptor",
        "StandardErrorFileDescriptor",
    ]  # fmt: skip
    assert all(map(os.path.sameopenfile, systemd.fds, ours))
    for fd in (*systemd.fds, *ours):
        os.close(fd)


def test_a_refusal_is_told_in_systemds_words(tmp_path: Path) -> None:
    path = str(tmp_path / "private")
    name = "org.freedesktop.systemd1.UnitExists"
    systemd = Systemd(path, lambda call: new_error(call, name, "s", ("Unit exists.",)))

    with pytest.raises(HandoverError, match=r"systemd refuses: Unit exists\."):
        start_with_streams(path, UNIT, (0, 1, 2))
    systemd.join()
    for fd in systemd.fds:
        os.close(fd)


def test_a_systemd_that_is_not_there_or_hangs_up_is_told(tmp_path: Path) -> None:
    with pytest.raises(HandoverError, match="does not answer"):
        start_with_streams(str(tmp_path / "none"), UNIT, (0, 1, 2))

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        deaf.listen()
        closing = threading.Thread(target=lambda: deaf.accept()[0].close())
        closing.start()
        with pytest.raises(HandoverError, match="does not answer"):
            start_with_streams(str(tmp_path / "deaf"), UNIT, (0, 1, 2))
        closing.join(10)
