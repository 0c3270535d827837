"""What one layer of an image leaves open until it is known what lies below it.

A layer is unpacked alone, so that any image can share it. It may need directories it says nothing
about, and link to files that only a lower layer has. These loose ends are kept beside its tree and
tied up for each stack of layers.
"""

from __future__ import annotations

from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class LooseEnds(Value):
    """Paths are relative to the layer's root, without slashes at the ends, never empty.

    ``implied`` are directories the layer needs but does not describe, parents first; ``bare`` those
    of them with nothing but deletions in them. ``links`` are (path, target) of hard links to files
    of lower layers, in the order of the stream: the tree has an empty file at ``path``, root's,
    0600. ``deleting`` are all directories with deletion marks in them but the root. ``rooted`` says
    that the layer describes its root.
    """

    implied: tuple[bytes, ...] = ()
    bare: tuple[bytes, ...] = ()
    links: tuple[tuple[bytes, bytes], ...] = ()
    deleting: tuple[bytes, ...] = ()
    rooted: bool = False

    def to_json(self) -> dict[str, object]:
        """Return what ``from_json`` takes; each byte of a path is one character (Latin-1)."""
        return {
            "implied": [_text(path) for path in self.implied],
            "bare": [_text(path) for path in self.bare],
            "links": [[_text(path), _text(target)] for path, target in self.links],
            "deleting": [_text(path) for path in self.deleting],
            "rooted": self.rooted,
        }

    @classmethod
    def from_json(cls, stored: Any) -> LooseEnds:  # noqa: ANN401 - whatever was parsed
        """Return the loose ends in ``stored``.

        Raises:
            ValueError: it is something else.
        """
        try:
            if type(stored["rooted"]) is not bool:
                raise TypeError("rooted")
            return cls(
                implied=tuple(_path(text) for text in stored["implied"]),
                bare=tuple(_path(text) for text in stored["bare"]),
                links=tuple((_path(path), _path(target)) for path, target in stored["links"]),
                deleting=tuple(_path(text) for text in stored["deleting"]),
                rooted=stored["rooted"],
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError("no loose ends of a layer") from error


class LayerOutcome(Value):
    """What became of one layer; hash and apparent size are of its tree."""

    entries: int
    tree_hash: str
    tree_size: int
    warnings: tuple[str, ...]
    ends: LooseEnds


def _text(path: bytes) -> str:
    return path.decode("latin-1")


def _path(text: str) -> bytes:
    """Return the path ``text``; whoever walks it may trust that it only leads down."""
    path = text.encode("latin-1")
    if any(part in (b"", b".", b"..") for part in path.split(b"/")) or b"\0" in path:
        raise ValueError(f"no path of a layer: {text!r}")
    return path
