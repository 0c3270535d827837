"""``fetch``: bring images into the store and, as root, make them ready to run."""

from __future__ import annotations

import os

from rktpy.image.resolve import Wanted, find_images
from rktpy.store import locks
from rktpy.store.trees import Trees
from rktpy.value import Value
from rktpy.verbs.image.fetching import means_of, store_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.verbs.site import Site


class FetchRequest(Value):
    """``policy`` is ``never``, ``new`` or ``update``; ``platform`` as ``Means`` has it."""

    images: tuple[Wanted, ...]
    policy: str = "update"
    platform: str = ""


def fetch_images(site: Site, request: FetchRequest) -> Iterator[str]:
    """Yield the key of each image, in order, once it is stored and rendered.

    Raises:
        RktError: one cannot be had; those yielded before it stay.
    """
    store = store_of(site)
    trees = Trees(site.layout)
    means = means_of(site, request.policy, request.platform)
    for found in find_images(store, request.images, means):
        if os.geteuid() == 0:
            with locks.keep_trees(site.layout):
                store.touch(found.key)
                trees.render(store, found.key)
        else:
            store.touch(found.key)
        yield found.key
