"""What all of this room raises; errors of one act stand beside it."""

from __future__ import annotations

from rktpy.errors import RktError


class FetchError(RktError):
    """An image cannot be brought into the store; the cause says why."""
