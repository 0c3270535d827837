"""What can go wrong with the store as such; errors of one act stand beside it."""

from __future__ import annotations

from rktpy.errors import RktError


class StoreError(RktError):
    """The store cannot be read or written; the cause says why."""


class ImageNotFoundError(RktError):
    """No stored image matches what the user named."""


class AmbiguousImageError(RktError):
    """Several stored images match the beginning of a hash."""


class ImageDamagedError(RktError):
    """What lies in the store is not what its hash says."""
