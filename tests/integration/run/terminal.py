"""A terminal with a command in its foreground, as a shell would start it, and who sits at it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

from tests.integration.run.rk import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self


class Terminal:
    """``command`` on a terminal of its own; streams named in ``elsewhere`` are pipes instead.

    Leaving the ``with`` block hangs up and kills.
    """

    def __init__(self, command: Sequence[str], elsewhere: Sequence[str] = ()) -> None:
        self.fd, theirs = pty.openpty()
        self.resize(24, 80)
        self.start_modes = termios.tcgetattr(self.fd)

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        stdin, stdout, stderr = (
            subprocess.PIPE if name in elsewhere else theirs
            for name in ("stdin", "stdout", "stderr")
        )
        self.process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            pass_fds=(theirs,),
            preexec_fn=take_terminal,
        )
        self._theirs = theirs  # kept open: what is written stays readable, modes can be looked at
        self.seen = b""

    def resize(self, rows: int, columns: int) -> None:
        """Make the window this large, which the kernel tells whoever is in the foreground."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def until(self, text: bytes) -> bytes:
        """Read the screen until ``text`` is on it; return all that has been there."""
        while text not in self.seen:
            assert select.select([self.fd], [], [], PATIENCE)[0], (text, self.seen)
            self.seen += os.read(self.fd, 65536)
        return self.seen

    def end(self) -> int:
        """Wait for the command to end, read what is left on the screen, return its status."""
        status = self.process.wait(timeout=PATIENCE)
        while select.select([self.fd], [], [], 0)[0]:
            self.seen += os.read(self.fd, 65536)
        return status

    def modes(self) -> list[object]:
        return termios.tcgetattr(self.fd)

    def is_raw(self) -> bool:
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(timeout=PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        os.close(self._theirs)
        os.close(self.fd)
