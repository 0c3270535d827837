"""``fetch``: bring images into the store and, as root, make them ready to run."""

from __future__ import annotations

import os

from rktpy.image.fetch import while_removed
from rktpy.image.resolve import Wanted, find_images
from rktpy.store import locks
from rktpy.store.trees import Trees
from rktpy.value import Value
from rktpy.verbs.image.fetching import means_of, store_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.image.means import Means
    from rktpy.store.images import ImageStore
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
    means = means_of(site, request.policy, request.platform)
    for wanted in request.images:
        yield _bring(store, wanted, means)


def _bring(store: ImageStore, wanted: Wanted, means: Means) -> str:
    def bring() -> str:
        (found,) = find_images(store, (wanted,), means)
        if os.geteuid() == 0:
            with locks.keep_trees(store.layout):
                store.touch(found.key)
                Trees(store.layout).render(store, found.key)
        else:
            store.touch(found.key)
        return found.key

    return while_removed(bring)
