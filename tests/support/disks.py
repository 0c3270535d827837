"""Small file systems of a test's own, and how they get full."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from tests.support import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Of bytes or of names (inodes). ext4 keeps no blocks back for root here, and needs one for more
# names in a directory.
KINDS = ("tmpfs of bytes", "tmpfs of names", "ext4 of bytes")
_SIZE = "120m"
_NAMES = "3k"


class SmallDisk:
    """One that is mounted on ``path``; ``fill`` takes what is left of it."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self._of_names = kind.endswith("names")
        self._filler = path / "filler"

    def fill(self) -> None:
        """Leave no room at all, for nobody."""
        self._filler.mkdir(exist_ok=True)
        if self._of_names:
            with contextlib.suppress(OSError):
                for number in range(1 << 20):
                    (self._filler / f"{number}").touch()
            return
        for size in (1 << 16, 512):
            with contextlib.suppress(OSError):
                _write_for_ever(self._filler / f"{size}", b"x" * size)

    def free(self) -> int:
        """Return the bytes or names that are left."""
        found = os.statvfs(self.path)
        return found.f_favail if self._of_names else found.f_bavail * found.f_frsize


@contextlib.contextmanager
def small_disk(directory: Path, kind: str) -> Iterator[SmallDisk]:
    """Mount a disk of ``kind`` below ``directory``; it goes with all that is on it."""
    path = directory / "disk"
    path.mkdir()
    if kind.startswith("ext4"):
        image = directory / "disk.img"
        with image.open("wb") as file:
            file.truncate(120 << 20)
        command.run(["mkfs.ext4", "-q", "-m", "0", str(image)])
        command.run(["mount", "-o", "loop", str(image), str(path)])
    else:
        names = f",nr_inodes={_NAMES}" if kind.endswith("names") else ""
        options = f"size={_SIZE},mode=755{names}"
        command.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)])
    try:
        yield SmallDisk(path, kind)
    finally:
        command.run(["umount", str(path)])


def _write_for_ever(path: Path, data: bytes) -> None:
    with path.open("ab", 0) as file:
        while True:
            file.write(data)
