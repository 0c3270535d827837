"""``image verify``: read rendered trees, compare, and render damaged ones again."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.store.images import ImageStore
from rktpy.store.trees import TreeError, Trees
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rktpy.verbs.site import Site

NOT_RENDERED = "not-rendered"
DAMAGED = "damaged"  # and about to be rendered again
VERIFIED = "verified"


class VerifyEvent(Value):
    """What was found about the image ``text``; ``error`` with ``DAMAGED`` only."""

    kind: str
    text: str
    key: str
    error: RktError | None = None


class VerifyError(RktError):
    """An image cannot be verified or repaired."""


def verify_images(site: Site, texts: Sequence[str]) -> Iterator[VerifyEvent]:
    """Verify each image and repair its tree if needed; yield what happens.

    Raises:
        VerifyError: an image is unknown, or its tree cannot be made again.
    """
    store = ImageStore(site.layout)
    trees = Trees(site.layout)
    for text in texts:
        try:
            key = store.find_or_key(text)
            tree_id = trees.tree_id_of(store, key)
        except RktError as error:
            raise VerifyError(f"unable to resolve store key for image {text}") from error
        if not trees.ready(tree_id):
            yield VerifyEvent(NOT_RENDERED, text, key)
            continue
        try:
            trees.verify(tree_id)
        except TreeError as error:
            yield VerifyEvent(DAMAGED, text, key, error)
            _repair(store, trees, key, text)
        yield VerifyEvent(VERIFIED, text, key)


def _repair(store: ImageStore, trees: Trees, key: str, text: str) -> None:
    try:
        trees.verify(trees.render(store, key, rebuild=True))
    except RktError as error:
        raise VerifyError(f"unable to repair cache for image {text}") from error
