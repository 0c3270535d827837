"""/run/rktpy/net: what pods of all data directories share until the next boot.

It is root's alone: who can open a file or directory there could hold its lock for ever.
"""

from __future__ import annotations

import os

from rktpy.host.lock import is_locked
from rktpy.layout import RUNTIME_DIR

DIRECTORY = f"{RUNTIME_DIR}/net"


def make(path: str) -> None:
    """Make the directory ``path`` below ``DIRECTORY``, and that; they may be there."""
    os.makedirs(RUNTIME_DIR, 0o755, exist_ok=True)
    try:
        os.mkdir(DIRECTORY, 0o700)
    except FileExistsError:
        if os.stat(DIRECTORY).st_mode & 0o077:
            os.chmod(DIRECTORY, 0o700)
    os.makedirs(path, 0o700, exist_ok=True)


def here() -> str:
    """Return which network namespace the caller is in: a number that another one may have when this
    one is gone (namespaces(7))."""
    found = os.stat("/proc/thread-self/ns/net")
    return f"{found.st_dev}:{found.st_ino}"


def is_running(pod: str) -> bool:
    """Return whether somebody holds the lock of the pod directory ``pod``; no, if it is not there.

    The path is often that of a file below ``DIRECTORY``, and may be any text."""
    try:
        return is_locked(pod)
    except (OSError, ValueError):
        return False
