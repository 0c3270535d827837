"""Names under which something is made that is to replace what has the right name.

Linux cannot put a file without a name in the place of another, so for a moment there are both
names, and while a file is being filled for longer. Whoever is killed then leaves the first,
``.rktpy-`` and 12 hexadecimal digits. The next one who replaces something in that directory
removes it: nobody holds a lock on it, or it is not a file and older than its two system calls.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time

_PREFIX = b".rktpy-"
_NAME = re.compile(re.escape(_PREFIX) + rb"[0-9a-f]{12}")
_YOUNG = 60  # seconds in which what nobody can lock may still be in use
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def new_name() -> bytes:
    """Return a name that nobody has."""
    return _PREFIX + os.urandom(6).hex().encode()


def hold(fd: int) -> None:
    """Say that the file ``fd`` is in use, until it is closed.

    A file system without locks is fine: there nobody can find out that it is not.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pass  # or somebody looks at it this moment, and finds it young


def sweep(parent: int, *, now: float | None = None) -> None:
    """Remove what was left in the directory ``parent``; what cannot be removed stays.

    ``now`` is in seconds since 1970.
    """
    now = time.time() if now is None else now
    for name in filter(_NAME.fullmatch, map(os.fsencode, os.listdir(parent))):
        try:
            if _abandoned(parent, name, now):
                os.unlink(name, dir_fd=parent)
        except OSError:
            continue  # gone, or not ours to remove


def _abandoned(parent: int, name: bytes, now: float) -> bool:
    status = os.lstat(name, dir_fd=parent)
    old = now - status.st_ctime > _YOUNG
    if not stat.S_ISREG(status.st_mode):
        return old and not stat.S_ISDIR(status.st_mode)
    fd = os.open(name, _LOOK, dir_fd=parent)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    # An empty one may be about to be locked, one with another name is a hard link: never locked.
    return old or (status.st_size > 0 and status.st_nlink == 1)
