"""A store in a directory of the test, and what may be left in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rktpy.layout import Layout
from rktpy.store.images import ImageStore
from rktpy.store.trees import Trees

if TYPE_CHECKING:
    from pathlib import Path

    from rktpy.store.importing import Terms


def a_store(directory: Path) -> ImageStore:
    return ImageStore(Layout(str(directory / "data")))


def add(store: ImageStore, path: Path, terms: Terms | None = None) -> str:
    """Import the file ``path``."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return store.add_aci(fd, terms)
    finally:
        os.close(fd)


def tree_of(store: ImageStore, key: str) -> str:
    """Return the root directory of the rendered tree of ``key``, made if needed."""
    trees = Trees(store.layout)
    return trees.rootfs(trees.render(store, key))


def lock_files(layout: Layout) -> list[str]:
    return [*os.listdir(layout.image_locks), *os.listdir(layout.tree_locks)]


def leftovers(layout: Layout) -> list[str]:
    """Return every file and tree of the store but index and locks."""
    found = [f"{layout.cas_tmp}/{name}" for name in os.listdir(layout.cas_tmp)]
    found += [f"{layout.trees}/{name}" for name in os.listdir(layout.trees)]
    found += [name for name in os.listdir(os.path.dirname(layout.index)) if name.endswith(".tmp")]
    for base in (layout.blobs, layout.image_manifests):
        for directory, _dirs, names in os.walk(base):
            found += [f"{directory}/{name}" for name in names]
    return found
