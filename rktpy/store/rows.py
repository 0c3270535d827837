"""One stored image as the index knows it, and choosing among several. Pure."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.store.errors import AmbiguousImageError, ImageNotFoundError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from rktpy.appc.types import ACIdentifier, Label

KEY_LENGTH = 71  # "sha512-" and 64 hex digits
_SHORTEST = 9
_HEX = frozenset("0123456789abcdef")


class Row:
    """An image in the index, as light as a list of a thousand needs it.

    ``labels`` are (name, value) in manifest order; ``trees`` are (tree id, bytes) rendered for
    this image; times are nanoseconds since the epoch.
    """

    __slots__ = (
        "digest", "imported_at", "key", "labels", "latest", "name", "size", "trees", "verified_by",
    )  # fmt: skip

    def __init__(self, fields: Sequence[Any]) -> None:
        (
            self.key,
            self.digest,
            self.name,
            labels,
            self.imported_at,
            self.latest,
            self.size,
            self.verified_by,
            trees,
        ) = fields
        self.labels: tuple[tuple[str, str], ...] = tuple((n, v) for n, v in labels)
        self.trees: tuple[tuple[str, int], ...] = tuple((i, s) for i, s in trees)

    def fields(self) -> list[object]:
        """Return what ``Row`` is made of, for the snapshot."""
        return [
            self.key, self.digest, self.name, self.labels, self.imported_at,
            self.latest, self.size, self.verified_by, self.trees,
        ]  # fmt: skip


class StoredImage(Value):
    """An image in the store. Sizes are bytes, times nanoseconds since the epoch.

    ``tree_size`` sums the rendered trees of which it is the top image; ``verified_by`` is the
    fingerprint of the key whose signature was checked, empty if none was.
    """

    key: str
    digest: str
    name: ACIdentifier
    labels: tuple[Label, ...]
    imported_at: int
    last_used: int
    size: int
    tree_size: int = 0
    latest: bool = False
    verified_by: str = ""


def by_prefix(keys: Iterable[str], text: str) -> str:
    """Return the one key that begins with ``text``, which may also be a longer, full digest.

    Raises:
        ImageNotFoundError: no image ID at all, too short, or nothing begins so.
        AmbiguousImageError: several do.
    """
    text = text.lower()
    if not text.startswith("sha512-"):
        raise ImageNotFoundError("wrong key prefix")
    if len(text) < _SHORTEST:
        raise ImageNotFoundError("image ID too short", hint="give at least two digits of it")
    wanted = text[:KEY_LENGTH]
    found = [key for key in keys if key.startswith(wanted)] if _HEX.issuperset(text[7:]) else []
    if not found:
        raise ImageNotFoundError("no image IDs found", hint="see them with: rktpy image list")
    if len(found) > 1:
        raise AmbiguousImageError(f"ambiguous image ID: {quote(text)}", hint="give more digits")
    return found[0]


def by_name(rows: Iterable[Row], name: str, labels: Iterable[tuple[str, str]]) -> Row | None:
    """Return the best image called ``name`` that has every one of ``labels``.

    Without a wanted version, an image fetched as "latest" beats the others; then the newest
    import wins (rkt: store/imagestore.GetACI).
    """
    wanted = frozenset(labels)
    versioned = any(label == "version" for label, _value in wanted)
    found = [row for row in rows if row.name == name and wanted.issubset(row.labels)]
    return max(found, key=lambda row: (row.latest and not versioned, row.imported_at), default=None)
