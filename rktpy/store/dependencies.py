"""Which images make up a tree, strongest first, and what each may contribute.

An image lies above its dependencies, the last one listed directly below it (rkt:
pkg/acirenderer). A path whitelist binds the image that has it and all below it on its branch;
rkt also let a sibling's list leak in, which we do not.
"""

from __future__ import annotations

import os

from rktpy.appc.names import format_image_name
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from rktpy.appc.image import Dependency, ImageManifest

    class Catalog(Protocol):
        """What flattening needs of a store."""

        def manifest(self, key: str) -> ImageManifest: ...

        def dependency(self, wanted: Dependency) -> str | None: ...


MAX_DEPTH = 64
MAX_IMAGES = 256

Paths = frozenset[bytes]


class DependencyError(RktError):
    """The dependencies of an image cannot be brought together."""


class DependencyMissingError(DependencyError):
    """One of them is not in the store."""


class Part(Value):
    """One image of a tree; ``own`` and ``chain`` as in ``rktpy.host.archive.unpack.Layer``."""

    key: str
    own: Paths | None = None
    chain: tuple[Paths, ...] = ()


def flatten(store: Catalog, key: str) -> tuple[Part, ...]:
    """Return the parts of the tree of ``key``; an image two branches share appears twice.

    Raises:
        DependencyError: one is not in the store, they form a loop, or there are too many.
    """
    found: list[Part] = []
    _descend(store, key, (), (), found)
    return tuple(found)


def _descend(
    store: Catalog,
    key: str,
    above: tuple[str, ...],
    chain: tuple[Paths, ...],
    found: list[Part],
) -> None:
    manifest = store.manifest(key)
    if key in above:
        raise DependencyError(f"dependency loop detected at image {quote(manifest.name)}")
    if len(above) >= MAX_DEPTH or len(found) >= MAX_IMAGES:
        raise DependencyError(
            f"image {quote(manifest.name)} has too many dependencies"
            f" (limits: {MAX_IMAGES} images, {MAX_DEPTH} levels)"
        )
    own = whitelist(manifest.path_whitelist)
    found.append(Part(key, own, chain))
    below = chain if own is None else (*chain, own)
    for dependency in reversed(manifest.dependencies):
        child = store.dependency(dependency)
        if child is None:
            wanted = format_image_name(dependency.image_name, dependency.labels)
            if dependency.image_id is not None:
                wanted += f" ({dependency.image_id})"
            raise DependencyMissingError(
                f"cannot find the dependency {quote(wanted)} of image {quote(manifest.name)}"
                " in the local store",
                hint="fetch it first",
            )
        _descend(store, child, (*above, key), below, found)


def whitelist(paths: tuple[str, ...]) -> Paths | None:
    """Return the paths of a ``pathWhitelist`` relative to the root; None if there is no list."""
    if not paths:
        return None
    found = set()
    for path in paths:
        # As rkt joins and cleans it: one that climbs out of the root matches nothing.
        clean = os.path.normpath("rootfs/" + path.lstrip("/"))
        if clean.startswith("rootfs/"):
            found.add(os.fsencode(clean[len("rootfs/") :]))
    return frozenset(found)
