"""A disk whose power a test cuts while others use it: an ext4 in a file, mounted on a directory.

``EXT4_IOC_SHUTDOWN`` ends all writing at once, as the power does; what waits in memory is lost.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
from typing import TYPE_CHECKING

from tests.support import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# linux/fs/ext4/ext4.h
_SHUTDOWN = 0x8004587D
_FLUSH_JOURNAL, _FLUSH_NOTHING = 1, 2
# The journal is committed when somebody asks for it: not by the clock, every 5 s.
_OPTIONS = "loop,commit=1000"
_SIZE = "400m"
_PATIENCE = 60.0  # seconds


class PoweredDisk:
    """One that is mounted on ``path``."""

    def __init__(self, path: Path, image: Path) -> None:
        self.path = path
        self._image = image

    def cut(self, *, names: bool) -> None:
        """Cut the power; mount again what had reached the disk, once nobody uses the old mount.

        What was synced is there, in either case. ``names``: somebody's fsync(2) of another file has
        just committed the journal, and with it all names and sizes; files whose content waited
        for the flusher are there and empty. Else all is as it was at the last commit.
        """
        flags = _FLUSH_JOURNAL if names else _FLUSH_NOTHING
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("=I", flags))
        finally:
            os.close(fd)
        self.unmount()
        self.mount()

    def sync(self) -> None:
        """Write out all that is on it."""
        command.run(["sync", "--file-system", str(self.path)])

    def mount(self) -> None:
        """Mount it."""
        command.run(["mount", "-o", _OPTIONS, str(self._image), str(self.path)])

    def unmount(self) -> None:
        """Unmount it, and wait until the kernel has let go: what runs may have mounts of it."""
        command.run(["umount", "--lazy", str(self.path)])
        end = time.monotonic() + _PATIENCE
        while command.run(["losetup", "--associated", str(self._image)]):
            if time.monotonic() > end:
                raise command.CommandError(f"{self._image} is still in use")
            time.sleep(0.005)


@contextlib.contextmanager
def powered_disk(directory: Path) -> Iterator[PoweredDisk]:
    """Mount a disk below ``directory``; it goes with all that is on it."""
    path, image = directory / "disk", directory / "disk.img"
    path.mkdir()
    with image.open("wb") as file:
        file.truncate(int(_SIZE[:-1]) << 20)
    command.run(["mkfs.ext4", "-q", "-m", "0", str(image)])
    disk = PoweredDisk(path, image)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()
