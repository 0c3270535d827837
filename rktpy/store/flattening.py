"""An image of layers as one application container image: for ``export``, ``extract``, and images
that depend on it. Equal layers and manifests give equal bytes, on any store.
"""

from __future__ import annotations

import os

from rktpy.host.archive.sink import Sink
from rktpy.host.archive.writer import TarWriter
from rktpy.host.helper import DAC_READ_SEARCH, Answer, Helper, confine
from rktpy.host.mount import show_merged
from rktpy.store import locks
from rktpy.store.stacks import check_root, verify_stack
from rktpy.store.trees import Trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.store.images import ImageStore


def flatten_image(store: ImageStore, key: str, out: int) -> tuple[str, ...]:
    """Write the image ``key``, which is one of layers, to the file ``out``; return warnings.

    Every layer is read and compared first, so an archive is never made of a damaged one.

    Raises:
        StoreError: we are not root.
        TreeError, LayerError: a layer is missing or damaged.
        OSError: the disk is full.
    """
    check_root()
    trees = Trees(store.layout)
    with locks.keep_trees(store.layout):
        tree_id = trees.render(store, key)
        verify_stack(store, key, tree_id)
        manifest = store.manifest_bytes(key)
        with trees.hold(tree_id):
            return _write(trees.lowers(tree_id), manifest, out)


def _write(lowers: Sequence[str], manifest: bytes, out: int) -> tuple[str, ...]:

    def work() -> Answer:
        sink = Sink(out)
        writer = TarWriter(sink.put)
        os.chdir(show_merged(lowers))
        os.chroot(".")
        confine(DAC_READ_SEARCH)
        writer.document(b"manifest", manifest, 0)
        writer.tree(os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), b"rootfs")
        writer.finish()
        sink.finish()
        return Answer(tuple(writer.warnings))

    return Helper(work).wait().warnings
