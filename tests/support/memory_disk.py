"""The temporary files of a run in memory, where the run alone sees them (docs/adr/0041-pace.md).

Pods, stores and images of tests are made to be removed. On a disk that costs more than the rest of
many tests: what is synced waits for everybody's data, and what is removed for the disk's discard.
"""

from __future__ import annotations

import atexit
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox import CLONE_NEWNS, MS_REC, MS_SLAVE, call_libc
from tests.support.scratch import Locked

if TYPE_CHECKING:
    from pathlib import Path

# Bytes that have to be available; a whole run of the integration tier takes up to a quarter of it.
NEEDED = 6 << 30
MNT_DETACH = 0x2


class MemoryDisk:
    """A tmpfs on the directory ``place``, in a mount namespace that this process enters for good.
    It is gone with the last process in there, however that ends. MemoryError if too little memory
    is available, OSError where no mounts are allowed; nothing has changed then.
    """

    def __init__(self, place: str, *, needed: int = NEEDED) -> None:
        there = _available()
        if there < needed:
            raise MemoryError(f"{there >> 20} MiB of memory are available, {needed >> 20} needed")
        self._place = place
        call_libc("unshare", CLONE_NEWNS)
        call_libc("mount", None, b"/", None, MS_REC | MS_SLAVE, None)
        options = f"mode=0700,size={needed}".encode()
        call_libc("mount", b"tmpfs", os.fsencode(place), b"tmpfs", 0, options)
        # The lock of the directory below is hidden, and a run within a test would sweep ours.
        self._lock = Locked(place, wait=True)
        # Before the directory below is removed: nothing in here is worth to be removed by name.
        atexit.register(self._leave, os.getpid())

    @staticmethod
    def give_back(path: Path | None) -> None:
        """Remove what a test has written. To be called where no mounts of the test are seen, or
        what they lead to would go, too.
        """
        if path is not None:
            shutil.rmtree(path, ignore_errors=True)

    def _leave(self, owner: int) -> None:
        if os.getpid() == owner:
            call_libc("umount2", os.fsencode(self._place), MNT_DETACH)


def _available() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        words = dict(line.split(":", 1) for line in file)
    return int(words["MemAvailable"].split()[0]) << 10


MEMORY_DISK = pytest.StashKey[MemoryDisk]()
