"""Images of layers as trees: which layers they need, what lies on top of them, whether all is well.

Starts of pods do not import this: ``Trees.lowers`` is enough for them.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress

from rktpy.store.errors import StoreError
from rktpy.store.layers import LayerError, Layers, layer_name
from rktpy.store.placing import measure
from rktpy.store.stacking import fill_top, root_is_opaque
from rktpy.store.trees import Trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.errors import RktError
    from rktpy.host.archive.unpack import Outcome
    from rktpy.layout import Layout
    from rktpy.store.document import Document
    from rktpy.store.images import ImageStore


def check_root() -> None:
    """Raise unless we may read layers and mount them.

    Raises:
        StoreError: we are not root.
    """
    if os.geteuid() != 0:
        raise StoreError("only root can read the layers of an image", hint="try as root")


def hold_all(layout: Layout, document: Document, failure: Callable[[str], RktError]) -> ExitStack:
    """Keep every layer of ``document`` until the result is closed.

    Raises:
        RktError: what ``failure`` makes of the diff ID of a layer that is not there.
    """
    with ExitStack() as held:
        for diff_id in dict.fromkeys(document.diff_ids):
            layer = Layers(layout).hold(diff_id)
            if layer is None:
                raise failure(diff_id)
            held.enter_context(layer)
        return held.pop_all()


def mounted(layout: Layout, document: Document) -> tuple[str, ...]:
    """Return the names of the layers to mount, strongest first; the caller holds them.

    Overlayfs does not see that a root is opaque, so what lies below such a layer is left out.
    """
    layers = Layers(layout)
    names = []
    for diff_id in document.stack():
        names.append(layer_name(diff_id))
        if root_is_opaque(layers.rootfs(diff_id)):
            break
    return tuple(names)


def make_top(layout: Layout, document: Document, rootfs: str) -> Outcome:
    """Fill the empty directory ``rootfs``, to lie above the layers, which the caller holds.

    Raises:
        ArchiveError: the layers do not fit together.
        LayerError: what a layer leaves open cannot be read.
        OSError: the disk is full.
    """
    layers = Layers(layout)
    fill_top(
        rootfs,
        [layers.rootfs(diff_id) for diff_id in document.diff_ids],
        [layers.ends(diff_id) for diff_id in document.diff_ids],
    )
    return measure(rootfs)


def verify_stack(
    store: ImageStore, key: str, tree_id: str, *, verified: set[str] | None = None
) -> None:
    """Read all layers of the image ``key``, of which each damaged one is marked, then what lies on
    top. ``verified`` remembers layers from one image to the next.

    Raises:
        LayerError: layers are damaged; fetching the image brings them again.
        TreeError: the top is; rendering repairs it.
        StoreError: we are not root.
    """
    document = store.document(key)
    manifest = store.manifest_bytes(key)
    if document is None:
        Trees(store.layout).verify(tree_id, manifest=manifest)
        return
    check_root()
    layers, known = Layers(store.layout), set() if verified is None else verified
    damaged: LayerError | None = None
    for diff_id in document.stack():
        if diff_id in known:
            continue
        try:
            layers.verify(diff_id)
            known.add(diff_id)
        except LayerError as error:
            with suppress(OSError):  # a store that cannot be written; it is told all the same
                layers.mark_damaged(diff_id)
            damaged = damaged or error
    if damaged is not None:
        raise LayerError(damaged.message, hint=store.fetch_hint(key)) from damaged
    names = mounted(store.layout, document)
    Trees(store.layout).verify(tree_id, layers=names, manifest=manifest)
