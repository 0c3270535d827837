"""How long a server may take, whatever it sends meanwhile.

A socket's timeout begins anew with each byte, so a server that sends one now and then holds a
client for ever. See ``Patience`` for what it has to keep up here.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any


class Patience(Value):
    """For how many seconds a server is waited for.

    In each ``window`` the next ``least`` bytes of a body have to come: the speed of a slow modem.
    """

    connect: float = 20.0  # as rkt's
    stall: float = 60.0  # without a byte
    head: float = 60.0  # until status and fields are there whole
    window: float = 60.0
    least: int = 6000
    pauses: tuple[float, ...] = (0.5, 1.0, 2.0)  # before another try


class _Watched(io.RawIOBase):
    """The bytes of one answer; raises ``TimeoutError`` when they come too slowly.

    Only time spent waiting counts: who reads may take as long as it likes.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, patience: Patience) -> None:
        self._raw = raw
        self._sock = sock
        self._patience = patience
        self._left = patience.head  # seconds
        self._in_body = False
        self._expected = 0  # bytes of the body that have to come in what is left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - typeshed's buffer is newer
        if self._in_body and self._expected <= 0:
            self.begin_body()
        if self._left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(min(self._left, self._patience.stall))
        start = time.monotonic()
        count = self._raw.readinto(buffer)
        self._left -= time.monotonic() - start
        self._expected -= count or 0
        return count

    def begin_body(self) -> None:
        """The head is there: from now on speed counts."""
        self._in_body = True
        self._left = self._patience.window
        self._expected = self._patience.least

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def impatient(manager: urllib3.PoolManager, patience: Patience) -> urllib3.PoolManager:
    """Return ``manager``, whose connections are watched from now on."""

    class Answer(HTTPResponse):
        """An answer that is read through ``_Watched``."""

        def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:  # noqa: ANN401
            super().__init__(sock, *args, **named)
            self._watched = _Watched(self.fp.detach(), sock, patience)
            self.fp = io.BufferedReader(self._watched)

        def begin(self) -> None:
            super().begin()
            self._watched.begin_body()

    class Connection(HTTPConnection):
        response_class = Answer

    class SecureConnection(HTTPSConnection):
        response_class = Answer

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    manager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}
    return manager
