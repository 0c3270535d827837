"""``image list``, ``image cat-manifest``, ``image rm``: what is in the store, and less of it."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.store.images import ImageStore
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rktpy.store.rows import StoredImage
    from rktpy.verbs.site import Site

SORT_FIELDS = ("name", "importtime", "lastused", "size")

REMOVED = "removed"
STALE = "stale"
FAILED = "failed"
UNKNOWN = "unknown"


class RemoveEvent(Value):
    """What became of one image; ``text`` is what the user typed, ``key`` empty if ``UNKNOWN``.

    ``error`` comes with ``FAILED`` and ``UNKNOWN``, ``files`` (left behind) with ``STALE``.
    """

    kind: str
    text: str
    key: str = ""
    error: RktError | None = None
    files: tuple[str, ...] = ()


def stored_images(
    site: Site, sort: Sequence[str] = ("importtime",), *, descending: bool = False
) -> list[StoredImage]:
    """Return all images, ordered by the ``SORT_FIELDS`` in ``sort``, the first counting most."""

    def order(image: StoredImage) -> list[object]:
        values = {
            "name": shown_name(image),
            "importtime": image.imported_at,
            "lastused": image.last_used,
            "size": image.size + image.tree_size,
        }
        return [values[field] for field in sort]

    return sorted(ImageStore(site.layout).images(), key=order, reverse=descending)


def shown_name(image: StoredImage) -> str:
    """Return ``NAME:VERSION``, or the name alone."""
    version = next((label.value for label in image.labels if label.name == "version"), "")
    return f"{image.name}:{version}" if version else str(image.name)


def image_manifest(site: Site, text: str) -> bytes:
    """Return the stored manifest of the image ``text``, compact JSON.

    Raises:
        RktError: there is no such image.
    """
    from rktpy.store.absence import called

    store = ImageStore(site.layout)
    return called(text, lambda: store.manifest_bytes(store.find_or_key(text)))


def remove_images(site: Site, texts: Sequence[str]) -> Iterator[RemoveEvent]:
    """Remove images; all names are looked up before the first one goes. Yield what happens."""
    store = ImageStore(site.layout)
    found: dict[str, str] = {}
    for text in texts:
        try:
            found.setdefault(store.find_or_key(text), text)
        except RktError as error:
            yield RemoveEvent(UNKNOWN, text, error=error)
    for key, text in found.items():
        yield remove_image(store, key, text)


def remove_image(store: ImageStore, key: str, text: str) -> RemoveEvent:
    """Remove one image and return what happened."""
    try:
        stale = store.remove(key)
    except RktError as error:
        return RemoveEvent(FAILED, text, key, error=error)
    if stale:
        return RemoveEvent(STALE, text, key, files=tuple(stale))
    return RemoveEvent(REMOVED, text, key)
