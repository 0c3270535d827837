"""A temporary directory that one test run has to itself.

pytest keeps the directories of the last three runs of a user and removes older ones, also those
of a run that is still going on elsewhere on the machine. So each run has a root of its own,
locked while it lives and removed at its end. What a killed run left, the next run removes.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "PYTEST_DEBUG_TEMPROOT"


def take_place() -> tuple[str, str]:
    """Make this run's directory, below one of the user's, unless the environment names another,
    where it then is the caller's to remove. Return it and the one above that has to be writable, so
    that it can be removed. PermissionError if somebody else has taken the user's.

    Paths are short, and so names of sockets below fit into their 107 bytes (unix(7)).
    """
    if named := os.environ.get(VARIABLE):
        above = os.path.realpath(named)
        return tempfile.mkdtemp(prefix="", dir=above), above
    home = f"{os.path.realpath(tempfile.gettempdir())}/rktpy-tests-{os.geteuid()}"
    os.makedirs(home, mode=0o700, exist_ok=True)
    there = os.lstat(home)
    if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.geteuid():
        raise PermissionError(errno.EACCES, "not a directory of ours, remove it", home)
    with contextlib.closing(Locked(home, wait=True)):  # nobody sweeps what has no lock yet
        sweep(home)
        place = tempfile.mkdtemp(prefix="", dir=home)
        lock = Locked(place, wait=True)
    # Before pytest's own steps at exit are known, and so after them.
    atexit.register(_leave, place, lock, os.getpid())
    return place, home


class Locked:
    """A directory nobody else has locked, until closed or dead; BlockingIOError if somebody has
    and we do not ``wait``.
    """

    def __init__(self, path: str, *, wait: bool) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        os.close(self._fd)


def sweep(home: str) -> None:
    """Remove the places in ``home`` whose run is over; ours to remove or not, it is no error."""
    for name in os.listdir(home):
        with contextlib.suppress(OSError), contextlib.closing(Locked(f"{home}/{name}", wait=False)):
            _remove(f"{home}/{name}")


def _leave(place: str, lock: Locked, owner: int) -> None:
    if os.getpid() == owner:  # and not a fork of it
        _remove(place)
        lock.close()


def _remove(place: str) -> None:
    """Remove a tree, through directories that a test has closed to itself."""

    def opened(again: Callable[[str], object], path: str, _error: object) -> None:
        with contextlib.suppress(OSError):
            for directory in (os.path.dirname(path), path):
                if not os.path.islink(directory) and os.path.isdir(directory):
                    os.chmod(directory, 0o700)
            if again in (os.unlink, os.rmdir):
                again(path)
            elif os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)

    shutil.rmtree(place, onerror=opened)
