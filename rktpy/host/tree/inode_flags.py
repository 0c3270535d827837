"""The flags of lsattr(1) and chattr(1) on open files and directories.

File systems without them, or without one of them, are no error here: nobody depends on a flag.
"""

from __future__ import annotations

import fcntl
import os
import sys

IMMUTABLE = 0x10  # FS_IMMUTABLE_FL: chattr +i
APPEND = 0x20  # FS_APPEND_FL: chattr +a
TOP = 0x20000  # FS_TOPDIR_FL: chattr +T

_GET = 0x80086601  # FS_IOC_GETFLAGS
_SET = 0x40086602  # FS_IOC_SETFLAGS


def change(fd: int, *, add: int = 0, clear: int = 0) -> None:
    """Add and clear flags of the open file ``fd``, as far as its file system knows them."""
    buffer = bytearray(8)
    try:
        fcntl.ioctl(fd, _GET, buffer)
        before = int.from_bytes(buffer[:4], sys.byteorder)
        after = (before | add) & ~clear
        if after != before:
            fcntl.ioctl(fd, _SET, after.to_bytes(4, sys.byteorder))
    except OSError:
        return


def spread_children(path: str) -> None:
    """Say that each directory made in ``path`` from now on begins a hierarchy of its own.

    ext4 does not give an inode out again for one to five minutes, and looks over all such inodes of
    a block group at every creation. Trees that come and go in one place make each other slow: 2000
    files took up to 1.2 s. With the flag every tree starts in an empty group: 0.06 s.

    Raises:
        OSError: ``path`` cannot be opened.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        change(fd, add=TOP)
    finally:
        os.close(fd)
