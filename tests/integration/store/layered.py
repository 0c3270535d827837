"""Images of layers whose layers are filled by hand."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from rktpy.appc.image import ImageManifest
from rktpy.host.archive.ends import LayerOutcome, LooseEnds
from rktpy.store.layers import OPAQUE, Layers
from rktpy.store.placing import measure
from tests.support.images import image_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.layout import Layout
    from rktpy.store.images import ImageStore


def diff_id(name: str) -> str:
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


def filled(
    content: Mapping[str, bytes | int | None],
    ends: LooseEnds | None = None,
    *,
    opaque: tuple[str, ...] = (),
) -> Callable[[str], LayerOutcome]:
    """Return what makes a layer of ``content``: of each path, the content of a file, None for a
    deletion, or a number, the mode of a directory. Parents that are missing are made, 0755.
    """

    def fill(rootfs: str) -> LayerOutcome:
        for path, what in content.items():
            place = f"{rootfs}/{path}"
            os.makedirs(os.path.dirname(place), 0o755, exist_ok=True)
            if what is None:
                os.mknod(place, stat.S_IFCHR, os.makedev(0, 0))
            elif isinstance(what, int):
                os.makedirs(place, exist_ok=True)
                os.chmod(place, what)
            else:
                with open(place, "wb") as file:
                    file.write(what)
        for path in opaque:
            os.setxattr(f"{rootfs}/{path}", OPAQUE, b"y")
        for base, dirs, files in os.walk(rootfs):
            for name in ("", *dirs, *files):
                os.utime(f"{base}/{name}", (5, 5), follow_symlinks=False)
        found = measure(rootfs)
        return LayerOutcome(
            len(content), found.tree_hash, found.tree_size, (), ends or LooseEnds(rooted=True)
        )

    return fill


def manifest(name: str = "example.com/stacked", **rest: Any) -> ImageManifest:
    return ImageManifest.from_object(image_manifest(name, **rest))


def build(layout: Layout, layers: Mapping[str, Callable[[str], LayerOutcome]]) -> tuple[str, ...]:
    """Make the layers, the base first; return their diff IDs."""
    for name, fill in layers.items():
        Layers(layout).build(diff_id(name), fill)
    return tuple(map(diff_id, layers))


def add_stack(
    store: ImageStore,
    layers: Mapping[str, Callable[[str], LayerOutcome]],
    *,
    name: str = "example.com/stacked",
    **rest: Any,
) -> str:
    """Make an image of the layers, the base first, and return its key."""
    diff_ids = build(store.layout, layers)
    with ExitStack() as held:
        for one in diff_ids:
            layer = Layers(store.layout).hold(one)
            assert layer is not None
            held.enter_context(layer)
        return store.add_layered(manifest(name, **rest), diff_ids)
