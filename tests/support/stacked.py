"""What layers become when they are stacked, computed without a kernel: the test's own opinion.

Each layer is unpacked into a directory of its own; ``Stack`` lays them over each other as overlayfs
does and ties up their loose ends, in dictionaries.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from rktpy.host.archive.layer import LayerUnpacker
from rktpy.host.archive.limits import Limits
from rktpy.host.archive.reader import GrowingFile, TarReader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rktpy.host.archive.ends import LayerOutcome

    Facts = tuple[str, int, bytes]  # kind, mode, content or target


class Unpacked:
    """One layer on disk, what was told of it, and where it is opaque."""

    def __init__(self, root: Path, data: bytes, limits: Limits | None = None) -> None:
        """Unpack the tar ``data`` into the new directory ``root``, in this process."""
        root.mkdir()
        before = os.getcwd()
        fd = os.memfd_create("layer")
        os.chdir(root)
        try:
            os.write(fd, data)
            unpacker = LayerUnpacker(limits or Limits(), owners=False)
            self.outcome: LayerOutcome = unpacker.run(
                TarReader(GrowingFile(fd), limits or Limits())
            )
        finally:
            os.close(fd)
            os.chdir(before)
        self.root = root
        self.ends = self.outcome.ends
        self.opaque = set(unpacker.opaque)

    def facts(self) -> dict[bytes, Facts]:
        """Return what is where; a deleted name is of kind ``-``."""
        base = os.fsencode(self.root)
        found: dict[bytes, Facts] = {}
        for directory, dirs, files in os.walk(base):
            for name in (*dirs, *files):
                path = os.path.join(directory, name)
                found[os.path.relpath(path, base)] = _look(path)
        return found


def _look(path: bytes) -> Facts:
    info = os.lstat(path)
    mode = stat.S_IMODE(info.st_mode)
    if stat.S_ISLNK(info.st_mode):
        return "l", 0, os.readlink(path)
    if stat.S_ISDIR(info.st_mode):
        return "d", mode, b""
    if stat.S_ISCHR(info.st_mode):
        return "-", mode, b""
    with open(path, "rb") as file:
        return "f", mode, file.read()


def stack(layers: list[Unpacked]) -> Mapping[bytes, Facts]:
    """Return the tree of ``layers``, the base first.

    Raises:
        LookupError: a hard link leads to no file of a lower layer.
    """
    tree: dict[bytes, Facts] = {}
    for layer in layers:
        tree = _lay(tree, layer)
    return tree


def _lay(below: dict[bytes, Facts], layer: Unpacked) -> dict[bytes, Facts]:
    tree = {} if b"" in layer.opaque else dict(below)
    links = dict(layer.ends.links)
    skipped: set[bytes] = set()
    for path, facts in sorted(layer.facts().items()):
        old = tree.get(path)
        if os.path.dirname(path) in skipped:
            skipped.add(path)
            continue
        if path in layer.ends.bare and (old is None or old[0] != "d"):
            skipped.add(path)
            continue
        if facts[0] != "d" or path in layer.opaque or (old is not None and old[0] != "d"):
            _drop(tree, path)
        if facts[0] == "-":
            tree.pop(path, None)
        elif path in links:
            tree[path] = below[links[path]]
            if tree[path][0] == "d":
                raise LookupError(path)
        elif path in layer.ends.implied:
            tree[path] = old if old is not None and old[0] == "d" else ("d", 0o755, b"")
        else:
            tree[path] = facts
    return tree


def _drop(tree: dict[bytes, Facts], path: bytes) -> None:
    for one in [one for one in tree if one.startswith(path + b"/")]:
        del tree[one]
