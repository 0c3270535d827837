"""Waiting for several descriptors and moments at once, in one sleep of the kernel's."""

from __future__ import annotations

import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Readiness:
    """Calls back when a descriptor is readable, or its other end gone, or a time has come.

    Descriptors stay the caller's, who drops them here before closing them.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._due: list[tuple[float, Callable[[], None]]] = []

    def when_readable(self, fd: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever ``fd`` can be read."""
        self._poll.register(fd, select.POLLIN)
        self._callbacks[fd] = callback

    def when_gone(self, fd: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` when nobody reads any more what is written to ``fd``."""
        self._poll.register(fd, 0)
        self._callbacks[fd] = callback

    def drop(self, fd: int) -> None:
        """Forget a descriptor; twice is fine."""
        if self._callbacks.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call ``callback`` once, when ``seconds`` have passed."""
        self._due.append((time.monotonic() + seconds, callback))

    def wait(self) -> None:
        """Sleep until something is due, and make the calls."""
        ready = [(fd, self._callbacks[fd]) for fd, _ in self._poll.poll(self.patience())]
        for fd, callback in ready:
            # An earlier one may have dropped it, and its number may be another's by now.
            if self._callbacks.get(fd) is callback:
                callback()
        now = time.monotonic()
        due = [callback for at, callback in self._due if at <= now]
        self._due = [entry for entry in self._due if entry[0] > now]
        for callback in due:
            callback()

    def patience(self) -> int | None:
        """Return how long to sleep at most, in milliseconds, rounded up."""
        if not self._due:
            return None
        left = min(at for at, _callback in self._due) - time.monotonic()
        return max(int(left * 1000) + 1, 0)
