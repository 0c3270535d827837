"""The door of the room: image arguments in, stored images with their manifests out."""

from __future__ import annotations

from rktpy.image.fetch import fetch
from rktpy.image.reference import parse_reference
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rktpy.appc.image import ImageManifest
    from rktpy.image.means import Means
    from rktpy.store.images import ImageStore


class Wanted(Value):
    """An image as typed, and its signature file if one was named."""

    text: str
    signature: str = ""


class Found(Value):
    """A stored image: what was typed for it, its key and its manifest."""

    text: str
    key: str
    manifest: ImageManifest


def find_images(store: ImageStore, wanted: Iterable[Wanted], means: Means) -> Iterator[Found]:
    """Yield the stored image for each argument, in order; each is complete when yielded.

    Raises:
        RktError: one is not to be had; those before it stay in the store.
    """
    for one in wanted:
        key = fetch(store, parse_reference(one.text), means, signature=one.signature)
        yield Found(one.text, key, store.manifest(key))
