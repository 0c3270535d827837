"""Images of layers in files of this host → keys of stored images."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.image.errors import FetchError
from rktpy.image.layered import local
from rktpy.image.layered.acceptance import require_waiver
from rktpy.image.layered.fetching import wanted_platform
from rktpy.image.layered.files import Archive, Directory
from rktpy.image.layered.presence import known
from rktpy.image.layered.storing import store_image
from rktpy.image.means import Unseen
from rktpy.image.reference import Kind
from rktpy.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.image.layered.blobs import Blobs
    from rktpy.image.layered.config import Content
    from rktpy.image.means import Means
    from rktpy.image.reference import ImageRef
    from rktpy.store.images import ImageStore

_logger = Logger("image")


def fetch_local(store: ImageStore, ref: ImageRef, means: Means) -> str:
    """Return the key of the image in a layout or archive on this host.

    Raises:
        FetchError: it cannot be had; the cause says why.
    """
    require_waiver(means)
    _logger.debug("using image from %s", ref.path)
    platform = wanted_platform(means)
    try:
        if ref.kind == Kind.OCI:
            with Directory(ref.path) as files:
                return _store(store, ref, *local.read_layout(files, ref, platform))
        with Archive(ref.path, store.scratch()) as archive:
            if ref.kind == Kind.OCI_ARCHIVE:
                found = local.read_layout(archive, ref, platform)
            else:
                found = local.read_saved(archive, ref)
            return _store(store, ref, *found)
    except (RktError, OSError) as error:
        raise FetchError(f"cannot import image {quote(ref.text)}") from error


def _store(store: ImageStore, ref: ImageRef, content: Content, blobs: Blobs) -> str:
    present = known(store, ref.url, content.identity.manifest_digest)
    return present or store_image(store, ref.url, content, blobs, Unseen())
