"""A relay in front of a server that lets through as many bytes as the test says, then waits."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from typing import Self


class Dam:
    """Listens at ``port`` of loopback for the server at ``to``; of what that sends, ``passes``
    bytes arrive before ``open``, of every connection if ``each``. Leaving the ``with`` block
    breaks everything off.
    """

    def __init__(self, port: int, to: int, *, passes: int, each: bool = False) -> None:
        self._to = to
        self._passes = passes
        self._each = each
        self._open = False
        self._taken: Counter[socket.socket | None] = Counter()
        self._turn = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", port))
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def open(self) -> None:
        """Let everything through from now on."""
        with self._turn:
            self._open = True
            self._turn.notify_all()

    def is_dry(self) -> bool:
        """Return whether all that it lets through has gone through."""
        with self._turn:
            return max(self._taken.values(), default=0) >= self._passes

    def break_off(self) -> None:
        """Cut all connections there are; others may come."""
        with self._turn:
            for one in self._sockets:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # over already
            self._turn.notify_all()

    def refuse(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.refuse()
        except OSError:
            pass  # done before
        self.open()
        self.break_off()
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            with self._turn:
                self._sockets += [client, server]
            up = threading.Thread(target=self._pump, args=(client, server))
            down = threading.Thread(target=self._pump, args=(server, client), kwargs={"held": True})
            self._threads += [up, down]
            up.start()
            down.start()

    def _pump(self, source: socket.socket, target: socket.socket, *, held: bool = False) -> None:
        try:
            while data := source.recv(1 << 14):
                while data:
                    count = self._take(source, len(data)) if held else len(data)
                    target.sendall(data[:count])
                    data = data[count:]
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _take(self, source: socket.socket, wanted: int) -> int:
        whose = source if self._each else None
        with self._turn:
            self._turn.wait_for(lambda: self._open or self._taken[whose] < self._passes)
            count = wanted if self._open else min(self._passes - self._taken[whose], wanted)
            self._taken[whose] += count
            return count
