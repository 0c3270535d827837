"""Processes held by a pidfd, so that a number that is used again is never taken for theirs."""

from __future__ import annotations

import errno
import os

from rktpy.host.signals import pidfd_send_signal
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signal import Signals


class Process(Resource):
    """A process that cannot be mistaken for another one; closing it lets go of it."""

    __slots__ = ("fd", "pid")

    def __init__(self, pid: int) -> None:
        """Hold the process ``pid``.

        Raises:
            ProcessLookupError: there is none.
        """
        self.pid = pid
        self.fd = os.pidfd_open(pid)

    def send(self, signal: Signals | int) -> bool:
        """Send ``signal``; return whether the process still was there.

        Raises:
            PermissionError: it is not ours to signal.
        """
        try:
            pidfd_send_signal(self.fd, signal)
        except ProcessLookupError:
            return False
        return True

    def wait(self, seconds: float) -> bool:
        """Return whether the process ends within ``seconds``."""
        import select

        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return bool(poll.poll(max(0, int(seconds * 1000))))

    def close(self) -> None:
        """Let go; twice is fine."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)


def check_numbers(*held: Process | None) -> None:
    """Refuse what was opened by the numbers of these processes if one of them has ended by now.

    An app can end when it likes, and a process of the host may have its number then. One that was
    held before it was looked at, and is still there, has been the same all the time.

    Raises:
        ProcessLookupError: one has ended.
    """
    if any(one is not None and one.wait(0) for one in held):
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
