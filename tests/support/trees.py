"""What can be seen of a directory tree, for comparing two."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def facts(root: Path) -> dict[str, Any]:
    """Return all that can be seen of each entry; names of one file have its first name."""
    found: dict[str, Any] = {}
    first: dict[int, str] = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        name = str(path.relative_to(root))
        content: object = None
        if stat.S_ISREG(info.st_mode):
            content = path.read_bytes()
        elif stat.S_ISLNK(info.st_mode):
            content = os.readlink(path)
        xattrs = {
            key: os.getxattr(path, key, follow_symlinks=False)
            for key in os.listxattr(path, follow_symlinks=False)
        }
        same = name if stat.S_ISDIR(info.st_mode) else first.setdefault(info.st_ino, name)
        found[name] = (
            *(info.st_mode, info.st_uid, info.st_gid, int(info.st_mtime)), content, xattrs, same
        )  # fmt: skip
    return found


def timeless(one: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the facts of one entry without its time."""
    return (*one[:3], *one[4:])
