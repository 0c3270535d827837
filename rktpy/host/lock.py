"""flock(2) on directories and files: what tells a running pod from an exited one.

A lock lives as long as its descriptor, in any process, so it survives every crash. The
descriptor is close-on-exec; only the final exec of a pod makes it inheritable.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from rktpy.errors import RktError
from rktpy.resource import Resource

TYPE_CHECKING = False

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LockBusyError(RktError):
    """Somebody else holds the lock."""


class Lock(Resource):
    """A held lock; closing it, or leaving its ``with`` block, gives it up."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        """Give the lock up; twice is fine."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)


def lock_dir(path: str, *, exclusive: bool = True, wait: bool = True) -> Lock:
    """Lock the directory ``path``; a link to one is not followed.

    Raises:
        LockBusyError: ``wait`` is false and another holder is in the way.
        OSError: the directory is not there, or is something else.
    """
    return _flock(os.open(path, _DIRECTORY), path, exclusive, wait)


def lock_file(path: str, *, exclusive: bool = True, wait: bool = True, mode: int = 0o660) -> Lock:
    """Lock the file ``path``, creating it if needed. If somebody replaced the file while we
    waited, the new file is locked instead.

    Others may be able to write the directory: a link is not followed, and what is not a regular
    file is neither waited for nor changed.

    Raises:
        LockBusyError: ``wait`` is false and another holder is in the way.
        OSError: the file cannot be made, or is something else.
    """
    while True:
        fd = os.open(path, _LOCK_FILE, mode)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "not a regular file", path)
        lock = _flock(fd, path, exclusive, wait)
        try:
            info = os.fstat(fd)
            if os.path.samestat(info, os.lstat(path)):
                if info.st_mode & 0o777 != mode and info.st_uid == os.geteuid():
                    os.fchmod(fd, mode)  # the umask must not keep the group out
                return lock
        except FileNotFoundError:
            pass  # unlinked by the former holder: lock its successor
        lock.close()


def is_locked(path: str) -> bool:
    """Return whether somebody holds the directory ``path`` exclusively; never waits.

    Raises:
        OSError: the directory is not there.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _flock(fd: int, path: str, exclusive: bool, wait: bool) -> Lock:  # noqa: FBT001 - private
    operation = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(fd, operation)
    except BlockingIOError as error:
        os.close(fd)
        raise LockBusyError(f"{path} is in use by another process") from error
    except BaseException:
        os.close(fd)
        raise
    return Lock(fd)
