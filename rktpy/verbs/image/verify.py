"""``image verify``: read rendered trees and layers, compare, and render damaged trees again.

A damaged layer cannot be mended from what is here: nothing starts on it until it is fetched again.
"""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.store import locks
from rktpy.store.errors import ImageGoneError
from rktpy.store.images import ImageStore
from rktpy.store.layers import LayerError
from rktpy.store.stacks import check_root, verify_stack
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
        VerifyError: an image is unknown, its tree cannot be made again, or a layer is damaged.
        ImageGoneError: another command removed one.
    """
    store = ImageStore(site.layout)
    layers: set[str] = set()  # found to be good; images share them
    for text in texts:
        try:
            key = store.find_or_key(text)
            store.parts(key)
        except RktError as error:
            raise VerifyError(f"unable to resolve store key for image {text}") from error
        with locks.keep_trees(site.layout):
            try:
                yield from _verify(store, key, text, layers)
            except ImageGoneError:
                raise ImageGoneError(text) from None


def _verify(store: ImageStore, key: str, text: str, layers: set[str]) -> Iterator[VerifyEvent]:
    trees = Trees(store.layout)
    tree_id = trees.tree_id_of(store, key)
    if not trees.ready(tree_id) and not _stack(store, trees, key, text):
        yield VerifyEvent(NOT_RENDERED, text, key)
        return
    try:
        verify_stack(store, key, tree_id, verified=layers)
    except TreeError as error:
        yield VerifyEvent(DAMAGED, text, key, error)
        _repair(store, trees, key, text)
    except LayerError as error:
        raise VerifyError(f"image {text} is damaged: {error.message}", hint=error.hint) from None
    yield VerifyEvent(VERIFIED, text, key)


def _repair(store: ImageStore, trees: Trees, key: str, text: str) -> None:
    try:
        verify_stack(store, key, trees.render(store, key, rebuild=True))
    except ImageGoneError:
        raise
    except RktError as error:
        raise VerifyError(f"unable to repair cache for image {text}") from error


def _stack(store: ImageStore, trees: Trees, key: str, text: str) -> bool:
    """Return whether the image is one of layers, which are there to be verified in any case."""
    try:
        if store.document(key) is None:
            return False
        check_root()
        trees.render(store, key)
    except ImageGoneError:
        raise
    except RktError as error:
        raise VerifyError(
            f"cannot verify image {text}: {error.message}", hint=error.hint
        ) from error.__cause__
    return True
