"""Deleting trees that strangers filled: fast, never through a symlink, never across a mount.

Everything is relative to open directories. Depth costs no descriptors: what lies deeper than
``_MAX_DEPTH`` is first renamed to the top, unless a full disk has no room for its name there. A
mount below the tree is an error, not content: a volume left mounted there belongs to somebody
else. That is why every directory is given to rmdir(2) before it is opened: for a mount point the
kernel says EBUSY before anything else, also for a bind mount of the same file system. Every call
may be repeated after a crash.
"""

from __future__ import annotations

import errno
import os
import stat

from rktpy.errors import RktError
from rktpy.host.files import is_full
from rktpy.host.tree import inode_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_MAX_DEPTH = 24
_MAX_ROUNDS = 1000  # rescans of one directory that somebody keeps filling
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_UNDELETABLE = inode_flags.IMMUTABLE | inode_flags.APPEND


class MountInTheWayError(RktError):
    """A file system is mounted below a tree that is to be deleted."""

    def __init__(self, name: str) -> None:
        super().__init__(f"something is mounted on {name}", hint="unmount it, then delete again")


def remove_tree(path: str) -> None:
    """Delete ``path`` and all below it; it is fine if it is not there.

    Raises:
        MountInTheWayError: there is a mount below; what was deleted before stays deleted.
        OSError: something cannot be deleted.
    """
    try:
        parent = os.open(os.path.dirname(path) or ".", _DIRECTORY)
    except FileNotFoundError:
        return
    try:
        remove_entry(parent, os.path.basename(path))
    finally:
        os.close(parent)


def remove_entry(dir_fd: int, name: str) -> None:
    """Delete the entry ``name`` of the directory ``dir_fd``, whatever it is, if it is there.

    Raises:
        MountInTheWayError, OSError: as ``remove_tree``.
    """
    try:
        is_dir = stat.S_ISDIR(os.lstat(name, dir_fd=dir_fd).st_mode)
    except FileNotFoundError:
        return
    if not is_dir:
        _unlink(name, dir_fd)
        return
    for _ in range(_MAX_ROUNDS):
        if _rmdir(name, dir_fd):
            return
        fd = os.open(name, _DIRECTORY, dir_fd=dir_fd)
        try:
            empty_dir(fd)
        finally:
            os.close(fd)
    raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), name)


def empty_dir(fd: int, *, keep: Collection[str] = ()) -> None:
    """Delete everything in the directory ``fd`` except the entries named in ``keep``.

    Raises:
        MountInTheWayError, OSError: as ``remove_tree``.
    """
    lifted = _empty(fd, fd, 0, keep)
    while lifted:
        lifted = _empty(fd, fd, 0, keep)


def _empty(fd: int, top: int, depth: int, keep: Collection[str] = ()) -> bool:
    """Delete the content of ``fd``; return whether something was lifted to ``top`` instead."""
    lifted = False
    # readdir goes on safely while entries already returned are removed.
    with os.scandir(fd) as entries:
        for entry in entries:
            name = entry.name
            if name in keep:
                continue
            if not entry.is_dir(follow_symlinks=False):
                _unlink(name, fd)
            elif not _rmdir(name, fd):
                if depth >= _MAX_DEPTH and _lift(name, fd, top):
                    lifted = True
                else:
                    lifted |= _remove_full(name, fd, top, depth + 1)
    return lifted


def _remove_full(name: str, dir_fd: int, top: int, depth: int) -> bool:
    lifted = False
    for _ in range(_MAX_ROUNDS):
        fd = os.open(name, _DIRECTORY, dir_fd=dir_fd)
        try:
            lifted |= _empty(fd, top, depth)
        finally:
            os.close(fd)
        if _rmdir(name, dir_fd):
            return lifted
    raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), name)


def _unlink(name: str, dir_fd: int) -> None:
    try:
        os.unlink(name, dir_fd=dir_fd)
    except FileNotFoundError:
        return
    except PermissionError:
        _allow_deletion(name, dir_fd)
        os.unlink(name, dir_fd=dir_fd)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise MountInTheWayError(name) from error
        raise


def _rmdir(name: str, dir_fd: int) -> bool:
    """Remove an empty directory; return whether it is gone."""
    try:
        os.rmdir(name, dir_fd=dir_fd)
    except FileNotFoundError:
        return True
    except PermissionError:
        _allow_deletion(name, dir_fd)
        return _rmdir_again(name, dir_fd)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise MountInTheWayError(name) from error
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def _rmdir_again(name: str, dir_fd: int) -> bool:
    try:
        os.rmdir(name, dir_fd=dir_fd)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def _lift(name: str, dir_fd: int, top: int) -> bool:
    """Rename a directory to the top; return whether there was room for its name on the disk."""
    number = 0
    while True:
        try:
            os.rename(name, f".deep-{number}", src_dir_fd=dir_fd, dst_dir_fd=top)
        except OSError as error:
            if is_full(error):
                return False
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            number += 1
        else:
            return True


def _allow_deletion(name: str, dir_fd: int) -> None:
    """Take ``chattr`` flags that forbid deletion off ``name`` and its directory.

    An app may hold CAP_LINUX_IMMUTABLE; what it marked must not stay for ever.
    """
    inode_flags.change(dir_fd, clear=_UNDELETABLE)
    mode = os.lstat(name, dir_fd=dir_fd).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # only these have flags; others must not be opened
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(name, flags, dir_fd=dir_fd)
        try:
            inode_flags.change(fd, clear=_UNDELETABLE)
        finally:
            os.close(fd)
