"""What all of this room raises; errors of one act stand beside it."""

from __future__ import annotations

from rktpy.errors import RktError


class FetchError(RktError):
    """An image cannot be brought into the store; the cause says why."""


class LibraryMissingError(RktError):
    """rktpy was installed without a library that this needs."""

    def __init__(self, what: str, error: ModuleNotFoundError) -> None:
        name = (error.name or "").partition(".")[0]
        super().__init__(
            f"{what} needs the Python library {name}", hint=f"install it, with pip install {name}"
        )
