"""An image of layers into the store: every layer checked and unwrapped, several at once, then all
of them made into one application container image, which is imported as any other is.

Until the import everything is in nameless files: killed whenever, nothing is left.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

from rktpy.codec import compact
from rktpy.host.archive.limits import Limits
from rktpy.host.archive.squash import Layers, squash
from rktpy.image.layered.blobs import nameless, unwrap
from rktpy.image.layered.config import convert, parse_config
from rktpy.image.layered.documents import LayeredImageError
from rktpy.image.layered.names import is_digest
from rktpy.log import Logger
from rktpy.store.database import Remote
from rktpy.store.importing import Terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.image.layered.blobs import Blobs
    from rktpy.image.layered.documents import Descriptor
    from rktpy.image.layered.local import Content
    from rktpy.store.images import ImageStore

_AT_ONCE = 3  # layers
_logger = Logger("image")


def known(store: ImageStore, url: str, manifest_digest: str) -> str | None:
    """Return the key of the image at ``url`` if it was stored with this manifest."""
    remote = store.remote(url)
    if remote is None or remote.etag != manifest_digest or not store.has(remote.key):
        return None
    _logger.debug("image for %s has not changed, not fetching.", url)
    return remote.key


def store_image(store: ImageStore, url: str, content: Content, blobs: Blobs) -> str:
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
    manifest = compact(convert(config, content.identity).to_object()).encode()
    scratch = store.scratch()
    with ExitStack() as files:
        out = nameless(scratch)
        files.callback(os.close, out)
        layers = _unwrapped(blobs, content.layers, config.diff_ids, scratch, files)
        for warning in squash(Layers(layers, manifest), out):
            _logger.warning("%s", warning)
        os.lseek(out, 0, os.SEEK_SET)
        key = store.add_aci(out, Terms(latest=content.identity.version == "latest"))
    store.put_remote(
        Remote(
            url=url,
            key=key,
            etag=content.identity.manifest_digest,
            downloaded_at=time.time_ns(),
        )
    )
    return key


def _unwrapped(
    blobs: Blobs,
    layers: tuple[Descriptor, ...],
    diff_ids: tuple[str, ...],
    scratch: str,
    files: ExitStack,
) -> tuple[int, ...]:
    """Return files with the uncompressed layers; ``files`` closes them."""
    limits = Limits()

    def fetch(blob: Descriptor, diff_id: str) -> int:
        source = blobs.open(blob)
        try:
            return unwrap(source, diff_id, scratch, limits)
        finally:
            os.close(source)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        started = [pool.submit(fetch, *pair) for pair in zip(layers, diff_ids, strict=True)]
        for one in as_completed(started):
            if one.exception() is not None:
                pool.shutdown(cancel_futures=True)  # waits for those that run
                break
    done = [one for one in started if not one.cancelled() and one.exception() is None]
    for one in done:
        files.callback(os.close, one.result())
    for one in started:
        if not one.cancelled() and (error := one.exception()) is not None:
            raise error
    return tuple(one.result() for one in done)
