"""A command on a terminal that the test can look at: pyte plays the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from typing import TYPE_CHECKING, Self

import pyte

from tests.integration.run.rk import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TERMINAL = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}


class Display:
    """``command`` with its streams on a terminal, but stdout, which is a pipe unless ``whole``.

    ``seen`` has all that was written to the terminal. Leaving the ``with`` block kills it.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        columns: int = 80,
        lines: int = 24,
        whole: bool = False,
    ) -> None:
        self._fd, theirs = pty.openpty()
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.seen = b""
        self.resize(columns, lines)

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        environ = {name: text for name, text in os.environ.items() if name != "NO_COLOR"}
        self.process = subprocess.Popen(
            command,
            env={**environ, **_TERMINAL, **env},
            stdin=theirs,
            stdout=theirs if whole else subprocess.PIPE,
            stderr=theirs,
            pass_fds=(theirs,),
            preexec_fn=take_terminal,
        )
        os.close(theirs)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def type(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def lines(self) -> list[str]:
        """Return what is on the screen, without what is empty below it."""
        found = [line.rstrip() for line in self.screen.display]
        while found and not found[-1]:
            found.pop()
        return found

    def until(self, what: Callable[[list[str]], bool]) -> list[str]:
        """Read until the screen is so, and return it."""
        while not what(self.lines()):
            assert select.select([self._fd], [], [], PATIENCE)[0], self.lines()
            assert self._read(), self.lines()
        return self.lines()

    def end(self) -> tuple[int, list[str]]:
        """Wait for the end; return the status and the screen."""
        while self._read():
            pass
        return self.process.wait(timeout=PATIENCE), self.lines()

    def output(self) -> str:
        """Return what went to the pipe of stdout."""
        assert self.process.stdout is not None
        return self.process.stdout.read().decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(timeout=PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._fd)

    def _read(self) -> bytes:
        try:
            piece = os.read(self._fd, 1 << 16)
        except OSError:
            return b""  # nobody has the terminal any more
        self.seen += piece
        self._stream.feed(piece)
        return piece
