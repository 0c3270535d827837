"""An image of layers into the store: its layers one by one, each checked and unpacked while it
arrives, and a document that names them.

Where layers cannot be stacked they are made into one application container image, which is
imported as any other is; until the import everything is in nameless files: killed whenever,
nothing is left.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack

from rktpy.codec import compact
from rktpy.host.archive.limits import Limits
from rktpy.image.layered.blobs import nameless, told, unwrapped, write_all
from rktpy.image.layered.config import convert, parse_config
from rktpy.image.layered.documents import LayeredImageError
from rktpy.image.layered.names import is_digest
from rktpy.image.layered.pulling import Pull
from rktpy.image.layered.unpacking import Wanted
from rktpy.image.means import DOWNLOADING, VERIFIED
from rktpy.log import Logger
from rktpy.store.database import Remote
from rktpy.store.layers import MAX_LAYERS, Layers, can_stack
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.image import ImageManifest
    from rktpy.image.layered.blobs import Blobs
    from rktpy.image.layered.config import Content
    from rktpy.image.means import Board, Gauge
    from rktpy.store.images import ImageStore

_AT_ONCE = 3  # layers
_logger = Logger("image")


def store_image(store: ImageStore, url: str, content: Content, blobs: Blobs, board: Board) -> str:
    """Return the key of the image, stored now.

    Raises:
        LayeredImageError: a layer is not what its digest says, or the configuration is odd.
        ArchiveError: a layer is damaged, hostile or too large.
        StoreError: the store cannot be written.
        OSError: the disk is full.
    """
    config = parse_config(content.config)
    if len(config.diff_ids) != len(content.layers) or not all(map(is_digest, config.diff_ids)):
        raise LayeredImageError("the manifest has other layers than the image configuration")
    if sum(layer.size for layer in content.layers) > Limits().stream:
        raise LayeredImageError(f"the layers have more than {Limits().stream} bytes")
    image = _Image(
        tuple(map(Wanted, config.diff_ids, content.layers)),
        convert(config, content.identity),
        content.identity.version == "latest",
    )
    stacked = len(image.wanted) <= MAX_LAYERS and can_stack(store.layout)
    key = (_stack if stacked else _squash)(store, image, blobs, board)
    store.put_remote(
        Remote(
            url=url,
            key=key,
            etag=content.identity.manifest_digest,
            downloaded_at=time.time_ns(),
        )
    )
    return key


class _Image(Value):
    """An image on its way into the store."""

    wanted: tuple[Wanted, ...]
    manifest: ImageManifest
    latest: bool


def _stack(store: ImageStore, image: _Image, blobs: Blobs, board: Board) -> str:
    with ExitStack() as held:
        Pull(store.layout, Layers(store.layout), blobs, board).bring(image.wanted, held)
        diff_ids = tuple(one.diff_id for one in image.wanted)
        return store.add_layered(image.manifest, diff_ids, latest=image.latest)


def _squash(store: ImageStore, image: _Image, blobs: Blobs, board: Board) -> str:
    from rktpy.host.archive.squash import Layers, squash
    from rktpy.store.importing import Terms

    scratch = store.scratch()
    with ExitStack() as files:
        out = nameless(scratch)
        files.callback(os.close, out)
        layers = _spooled(blobs, image.wanted, scratch, board, files)
        stored = compact(image.manifest.to_object()).encode()
        for warning in squash(Layers(layers, stored), out):
            _logger.warning("%s", warning)
        os.lseek(out, 0, os.SEEK_SET)
        return store.add_aci(out, Terms(latest=image.latest))


def _spooled(
    blobs: Blobs, wanted: tuple[Wanted, ...], scratch: str, board: Board, files: ExitStack
) -> tuple[int, ...]:
    """Return files with the uncompressed layers; ``files`` closes them."""
    from concurrent.futures import ThreadPoolExecutor, as_completed

    limits = Limits()

    def fetch(one: Wanted, gauge: Gauge) -> int:
        gauge.state(DOWNLOADING)
        plain = nameless(scratch)
        try:
            source = told(blobs.stream(one.blob), gauge.advance)
            for piece in unwrapped(source, one.diff_id, limits):
                write_all(plain, piece)
        except BaseException:
            os.close(plain)
            raise
        gauge.state(VERIFIED)
        return plain

    gauges = [board.gauge(one.blob.digest, one.blob.size or None) for one in wanted]
    pool = ThreadPoolExecutor(_AT_ONCE)
    started = [pool.submit(fetch, *pair) for pair in zip(wanted, gauges, strict=True)]
    try:
        next((task for task in as_completed(started) if task.exception() is not None), None)
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)  # we are dying: nobody waits for a server
        raise
    pool.shutdown(cancel_futures=True)  # waits for those that run
    done = [task for task in started if not task.cancelled() and task.exception() is None]
    for task in done:
        files.callback(os.close, task.result())
    for task in started:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
    return tuple(task.result() for task in done)
