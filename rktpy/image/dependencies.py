"""Fetching what an image is built on, breadth first, before anything is rendered."""

from __future__ import annotations

from rktpy.appc.names import ImageName, display_order, format_image_name
from rktpy.appc.types import ACIdentifier
from rktpy.codec import quote
from rktpy.image.fetch import fetch_one
from rktpy.image.reference import ImageRef, Kind
from rktpy.store.dependencies import MAX_IMAGES, DependencyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.image import Dependency
    from rktpy.image.means import Means
    from rktpy.store.images import ImageStore


def fetch_dependencies(store: ImageStore, key: str, means: Means) -> None:
    """Bring all images into the store that the image ``key`` is built on.

    Each is asked for once, however often it occurs. Loops are found by those who put the images
    together (``store.dependencies``).

    Raises:
        DependencyError: there are too many, or one is another image than its ID says.
        FetchError: one cannot be had.
    """
    waiting = [key]
    seen = {key}
    asked: set[str] = set()
    while waiting:
        for dependency in store.manifest(waiting.pop(0)).dependencies:
            wanted = format_image_name(dependency.image_name, dependency.labels)
            mark = f"{wanted} {dependency.image_id}"
            if mark in asked:
                continue
            asked.add(mark)
            if len(asked) > MAX_IMAGES:
                raise DependencyError(f"more than {MAX_IMAGES} dependencies")
            child = _fetch(store, dependency, wanted, means)
            if child not in seen:
                seen.add(child)
                waiting.append(child)


def _fetch(store: ImageStore, dependency: Dependency, wanted: str, means: Means) -> str:
    if dependency.image_id is not None:
        present = store.dependency(dependency)
        if present is not None:
            return present  # its ID says all there is to say: nobody needs to be asked
    name = ImageName(ACIdentifier(dependency.image_name), display_order(dependency.labels))
    key = fetch_one(store, ImageRef(Kind.NAME, wanted, name=name), means)
    if dependency.image_id is not None and store.dependency(dependency) != key:
        raise DependencyError(
            f"the dependency {quote(wanted)} is {key}, not {dependency.image_id}",
            hint="the image that asks for it was made with another one",
        )
    return key
