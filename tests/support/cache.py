"""Expensive things kept outside the checkout: built once, never half-built, pruned when old.

$XDG_CACHE_HOME/rktpy (or ~/.cache/rktpy)
├── <kind>-<key>/        finished; whoever uses it holds a shared flock on the directory
├── <kind>-<key>.lock    held while building
└── <kind>-<key>.part/   being built, or left by a killed builder; the next one starts over
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KEEP = 4  # finished directories of one kind that stay besides those in use

# Descriptors whose flock says "in use"; they live as long as this process.
_in_use: dict[str, int] = {}


def cache_dir() -> str:
    """Return the cache directory, creating it."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(home, "rktpy")
    os.makedirs(path, exist_ok=True)
    return path


def key_of(recipe: object) -> str:
    """Return the content hash of ``recipe``, anything JSON can say."""
    text = json.dumps(recipe, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()[:20]


def built(
    kind: str,
    key: str,
    build: Callable[[str], None],
    *,
    is_sound: Callable[[str], bool] = os.path.isdir,
) -> str:
    """Return the finished directory ``<kind>-<key>``; if needed, ``build`` fills an empty one.

    Two processes asking at once build it once. The directory stays until this process ends;
    nobody may write to it. One that is not ``is_sound`` when this process first asks is built anew.
    """
    path = os.path.join(cache_dir(), f"{kind}-{key}")
    if path in _in_use or (_hold(path) and is_sound(path)):
        return path
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_hold(path) and is_sound(path)):  # somebody else may have built it meanwhile
            _drop(path)
            _build_aside(path, build)
            _hold(path)
    finally:
        os.close(lock)
    _prune(kind, keep=path)
    return path


def _build_aside(path: str, build: Callable[[str], None]) -> None:
    part = f"{path}.part"
    if os.path.isdir(part):
        shutil.rmtree(part)
    os.mkdir(part)
    try:
        build(part)
        os.rename(part, path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _drop(path: str) -> None:
    """Take the name from what is damaged; who has it open keeps it."""
    fd = _in_use.pop(path, -1)
    if fd >= 0:
        os.close(fd)
        shutil.rmtree(f"{path}.part", ignore_errors=True)
        os.rename(path, f"{path}.part")


def _hold(path: str) -> bool:
    if path in _in_use:
        return True
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    fcntl.flock(fd, fcntl.LOCK_SH)
    if not os.path.isdir(path):  # pruned while we waited
        os.close(fd)
        return False
    os.utime(fd)
    _in_use[path] = fd
    return True


def _prune(kind: str, *, keep: str) -> None:
    """Remove all but the last ``KEEP`` directories of ``kind`` that nobody uses, and all that
    nobody builds any more.
    """
    there = [
        e.path for e in os.scandir(cache_dir()) if e.name.startswith(f"{kind}-") and e.is_dir()
    ]
    for path in there:
        if path.endswith(".part"):
            _remove_unlocked(path, f"{path.removesuffix('.part')}.lock")
    found = [path for path in there if not path.endswith(".part")]
    found.sort(key=lambda path: os.stat(path).st_mtime, reverse=True)
    for path in found[KEEP:]:
        if path != keep:
            _remove_unlocked(path, path)


def _remove_unlocked(path: str, lock: str) -> None:
    """Remove the directory ``path`` if nobody holds ``lock``."""
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # somebody else was quicker
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(fd)
