"""Why a file of a stored image cannot be read: the image was removed, or the store is damaged."""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.store.errors import ImageGoneError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeVar

    from rktpy.store.images import ImageStore

    T = TypeVar("T")


def refuse(
    store: ImageStore, key: str, path: str, what: str, error: OSError | ValueError
) -> NoReturn:
    """Say what ``error`` means, met at ``path``, which is the ``what`` of the image ``key``.

    Raises:
        ImageGoneError: somebody removed the image after it was found.
        StoreError: anything else.
    """
    # A file that is there after all belongs to an image that was brought again since.
    if isinstance(error, FileNotFoundError) and (is_gone(store, key) or os.path.lexists(path)):
        raise ImageGoneError(key) from None
    raise StoreError(
        f"cannot read the {what} of image {quote(key)}", hint="fetch the image again"
    ) from error


def is_gone(store: ImageStore, key: str) -> bool:
    """Return whether the image ``key``, which was found, is not in the index any more."""
    return key not in store.stored_keys()


def called(text: str, act: Callable[[], T]) -> T:
    """Return what ``act`` returns; if the image is gone it is called ``text``, as the user did."""
    try:
        return act()
    except ImageGoneError:
        raise ImageGoneError(text) from None
