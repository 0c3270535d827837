"""What can go wrong with the store as such; errors of one act stand beside it."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError

_LIST = "see what is there with: rktpy image list"


class StoreError(RktError):
    """The store cannot be read or written; the cause says why."""


class ImageNotFoundError(RktError):
    """No stored image matches what the user named."""


class ImageGoneError(StoreError):
    """An image that was found in the store was removed from it before it was read."""

    def __init__(self, name: str) -> None:
        """``name`` is what the user typed for it, or its key where nobody knows that."""
        super().__init__(f"image {quote(name)} was removed meanwhile", hint=_LIST)


class AmbiguousImageError(RktError):
    """Several stored images match the beginning of a hash."""


class ImageDamagedError(RktError):
    """What lies in the store is not what its hash says."""
