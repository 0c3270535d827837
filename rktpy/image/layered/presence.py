"""Whether an image of layers is in the store as it is where it comes from."""

from __future__ import annotations

from rktpy.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.store.images import ImageStore

_logger = Logger("image")


def known(store: ImageStore, url: str, manifest_digest: str) -> str | None:
    """Return the key of the image at ``url`` if it was stored with this manifest and is whole."""
    remote = store.remote(url)
    if (
        remote is None
        or remote.etag != manifest_digest
        or not store.has(remote.key)
        or not store.complete(remote.key)
    ):
        return None
    _logger.debug("image for %s has not changed, not fetching.", url)
    return remote.key
