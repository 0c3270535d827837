"""inotify(7): news of directories, without a process and without looking again and again.

It tells names, not states: who is told looks at the disk. What comes is no more than the kernel
saw; a queue that was full says so by a notice of its own.
"""

from __future__ import annotations

import errno
import os
import struct

from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.resource import Resource
from rktpy.value import Value

CLOSE_WRITE = 0x8
CLOSE_NOWRITE = 0x10  # also of a directory, as of one that was locked
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
OVERFLOW = 0x4000  # without a watch: notices were lost
IGNORED = 0x8000  # the watch is gone, as its directory is
_DONT_FOLLOW = 0x02000000
_ONLYDIR = 0x01000000

_HEAD = struct.Struct("iIII")  # struct inotify_event
_CHUNK = 1 << 16


class WatchLimitError(RktError):
    """The kernel gives this user no more watches."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the kernel gives no more inotify {what} to this user",
            hint=f"raise fs.inotify.max_user_{what} with sysctl",
        )


class Notice(Value):
    """``name`` in the directory of ``watch``, or "" for the directory itself."""

    watch: int
    mask: int
    name: str


class Inotify(Resource):
    """Watches on directories; ``fd`` is readable when there are notices."""

    __slots__ = ("fd",)

    def __init__(self) -> None:
        """
        Raises:
            WatchLimitError: this user has too many of them.
        """
        try:
            self.fd = syscalls.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.EMFILE:
                raise WatchLimitError("instances") from error
            raise

    def watch(self, directory: str, mask: int) -> int:
        """Return the number by which notices of ``directory`` are known, a link is not followed.

        Raises:
            OSError: it is not a directory, or may not be read.
            WatchLimitError: this user has too many watches.
        """
        try:
            return syscalls.inotify_add_watch(self.fd, directory, mask | _ONLYDIR | _DONT_FOLLOW)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise WatchLimitError("watches") from error
            raise

    def watch_when_there(self, directory: str, mask: int) -> tuple[int, bool]:
        """``watch`` a directory, or the nearest one above it that is there; return which.

        In the second case any notice means: try again.
        """
        above = directory
        while True:
            try:
                return self.watch(directory, mask), True
            except FileNotFoundError:
                below, above = above, os.path.dirname(above)
            try:
                number = self.watch(above, CREATE | MOVED_TO)
            except FileNotFoundError:
                continue
            if not os.path.lexists(below):  # else it was made before the watch was
                return number, False
            above = directory

    def forget(self, watch: int) -> None:
        """Take a watch away; it is fine if it went by itself. Its last notice is ``IGNORED``."""
        try:
            syscalls.inotify_rm_watch(self.fd, watch)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise

    def read(self) -> list[Notice]:
        """Return the notices that have come, without waiting."""
        found: list[Notice] = []
        while True:
            try:
                data = os.read(self.fd, _CHUNK)
            except BlockingIOError:
                return found
            found += _notices(data)

    def close(self) -> None:
        """Forget all watches; twice is fine."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)


def _notices(data: bytes) -> list[Notice]:
    found, at = [], 0
    while at < len(data):
        watch, mask, _cookie, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        name = os.fsdecode(data[at : at + length].rstrip(b"\0"))
        found.append(Notice(watch, mask, name))
        at += length
    return found
