"""Who waits for a lock, so that a test can act while somebody does."""

from __future__ import annotations

import os
from pathlib import Path


def is_waited_for(fd: int) -> bool:
    """Return whether somebody sleeps in flock(2) for the file, see "/proc/locks" in proc(5)."""
    inode = f":{os.fstat(fd).st_ino} "
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and inode in line for line in lines)
