"""Ways in which a file of the store may be damaged."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _clear(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _elsewhere(path: Path) -> None:
    """Put a link to a good copy in its place: what it is now, somebody else may change later."""
    copy = path.with_name("copy-of-it")
    shutil.copy(path, copy)
    _clear(path)
    path.symlink_to(copy)


def _instead(path: Path, make: Callable[[], None]) -> None:
    _clear(path)
    make()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "bit": flip,
    "cut": _cut,
    "empty": lambda path: os.truncate(path, 0),
    "gone": _clear,
    "directory": lambda path: _instead(path, path.mkdir),
    "link": lambda path: _instead(path, lambda: path.symlink_to("nowhere")),
    "link to a copy": _elsewhere,
    "fifo": lambda path: _instead(path, lambda: os.mkfifo(path)),
    "device": lambda path: _instead(path, lambda: os.mknod(path, 0o20666, os.makedev(1, 5))),
}
