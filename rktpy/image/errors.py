"""What all of this room raises; errors of one act stand beside it."""

from __future__ import annotations

import errno

from rktpy.errors import RktError

_FULL = (errno.ENOSPC, errno.EDQUOT)


class FetchError(RktError):
    """An image cannot be brought into the store; the cause says why."""


def room_hint(error: BaseException) -> str | None:
    """Return what to do if ``error``, or what it comes from, is a full disk; else None."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return "make room in the data directory, for instance with: rktpy image gc; rktpy gc"
        cause = cause.__cause__
    return None


class LibraryMissingError(RktError):
    """rktpy was installed without a library that this needs."""

    def __init__(self, what: str, error: ModuleNotFoundError) -> None:
        name = (error.name or "").partition(".")[0]
        super().__init__(
            f"{what} needs the Python library {name}", hint=f"install it, with pip install {name}"
        )
