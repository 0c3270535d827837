"""Adding an image of layers that are there: its document, and the stack that pods mount.

Order of acts: make document and stack in a room; sync; rename blob, manifest and stack; commit the
row. Killed before the commit, the image is not there, as with ``store.importing``; its layers wait
for the next try or for ``image gc``.
"""

from __future__ import annotations

import os
import time

from rktpy.codec import compact
from rktpy.host.files import write_new
from rktpy.store import locks, places
from rktpy.store.document import key_of
from rktpy.store.errors import StoreError
from rktpy.store.layers import Layers
from rktpy.store.placing import (
    TreeFiles,
    finish_tree,
    place_blob,
    place_tree,
    sync_filesystem,
    write_index,
    write_manifest,
)
from rktpy.store.rows import Row
from rktpy.store.stacks import make_top, mounted
from rktpy.store.trees import Trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.layout import Layout
    from rktpy.store.document import Document


def add_document(layout: Layout, document: Document, *, latest: bool) -> str:
    """Add the image of ``document``, whose layers the caller holds; return its key.

    Raises:
        ArchiveError: the layers do not fit together.
        LayerError: a layer is not there.
        StoreError: the store cannot be written.
    """
    places.make_store(layout)
    places.sweep(layout)
    try:
        return _add(layout, document, latest=latest)
    except OSError as error:
        raise StoreError(f"cannot write to the image store in {layout.cas}") from error


def _add(layout: Layout, document: Document, *, latest: bool) -> str:
    text = document.to_bytes()
    key, digest = key_of(text)
    manifest = document.manifest
    stored = compact(manifest.to_object(keep_unknown=False)).encode()
    labels = [(label.name, label.value) for label in manifest.labels]
    size = len(text) + sum(map(Layers(layout).size, set(document.diff_ids)))
    row = Row([key, digest, manifest.name, labels, time.time_ns(), latest, size, "", ()])
    trees = Trees(layout)
    tree_id = trees.tree_id([key])
    with places.open_room(layout) as room:
        write_new(f"{room.path}/blob", text, mode=0o660)
        os.chown(f"{room.path}/blob", -1, os.stat(layout.blobs).st_gid)
        tree = None
        if not trees.ready(tree_id):
            os.makedirs(f"{room.path}/tree/rootfs", 0o755)
            outcome = make_top(layout, document, f"{room.path}/tree/rootfs")
            files = TreeFiles(key, stored, mounted(layout, document))
            top_size = finish_tree(f"{room.path}/tree", files, outcome, sync=False)
            tree = (tree_id, key, top_size)
        write_manifest(layout, room, stored)
        sync_filesystem(room.path)
        with (
            locks.lock_tree(layout, tree_id, exclusive=True),
            locks.lock_image(layout, key, exclusive=True),
        ):
            place_blob(layout, key, room)
            if tree is not None and not trees.ready(tree_id):
                place_tree(layout, tree_id, room)
            write_index(layout, row=row, tree=tree)
    return key
