"""What a stack of layers needs besides its layers, so that it looks as one squashed image would.

Overlayfs puts directories over each other by itself, but it takes the attributes of a directory
from the strongest layer that has it, whether or not that layer says anything about it. It knows of
no links between layers, and shows a deletion in a directory that is nowhere else. What is lacking
goes into one more directory, above all layers: this says what that must hold. Pure: what the layers
hold is asked of a ``View``.

A *bare* directory is one that a layer has for its deletions only. Squashing makes none, so wherever
we look for what an image has at a path, we look through it.
"""

from __future__ import annotations

from rktpy.host.archive.limits import ArchiveError, ArchiveLimitError, shown
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from rktpy.host.archive.ends import LooseEnds

    class View(Protocol):
        """What the layers of a stack hold; number 0 is the base."""

        def node(self, layer: int, path: bytes) -> Node:
            """Return what is at ``path``, whose parent is a directory of this layer."""

        def same_file(self, layer: int, path: bytes) -> Sequence[bytes]:
            """Return all names that the file at ``path`` has in its layer, sorted."""


# A stack of 100 layers with 5,000 undescribed directories has a quarter of that.
MAX_LOOKUPS = 2_000_000  # answers we remember
MAX_STEPS = 30_000_000  # components of paths

DIRECTORY, OTHER, DELETED, ABSENT = "directory", "other", "deleted", "absent"


class Node(Value):
    """One name in one layer; ``opaque`` directories hide those below them."""

    kind: str
    opaque: bool = False


class Copy(Value):
    """One file for the top: what it is copied from and the names it gets there, sorted."""

    layer: int
    source: bytes
    names: tuple[bytes, ...]


class Top(Value):
    """What the directory above all layers must hold.

    ``root`` and the second halves of ``directories`` (parents first) are the layers whose
    attributes they get, -1: root's, 0755, of 1970.
    """

    root: int = -1
    directories: tuple[tuple[bytes, int], ...] = ()
    files: tuple[Copy, ...] = ()
    deleted: tuple[bytes, ...] = ()


class Found(Value):
    """What an image has at a path: a directory, described by ``layer`` or by none (-1), or
    something else, which ``layer`` has."""

    directory: bool
    layer: int


def tie_up(view: View, ends: Sequence[LooseEnds]) -> Top:
    """Return what the stack of layers with these loose ends, the base first, needs on top.

    Raises:
        ArchiveError: a link leads to nothing.
        ArchiveLimitError: there is too much to look for.
    """
    knot = _Knot(_Stack(view, ends), view, len(ends))
    for number, layer in enumerate(ends):
        for path, target in layer.links:
            knot.link(number, path, target)
    for path in sorted({path for layer in ends for path in layer.implied}):
        knot.directory(path)
    for path in sorted({path for layer in ends for path in layer.deleting}):
        knot.deletions(path)
    root = max((number for number, layer in enumerate(ends) if layer.rooted), default=-1)
    return knot.top(root)


class _Stack:
    """Answers what is where, each question once."""

    def __init__(self, view: View, ends: Sequence[LooseEnds]) -> None:
        self._view = view
        self._implied = [frozenset(layer.implied) for layer in ends]
        self._bare = [frozenset(layer.bare) for layer in ends]
        self._links = [dict(layer.links) for layer in ends]
        self._nodes: dict[tuple[int, bytes], Node] = {}
        self._found: dict[tuple[int, bytes], Found | None] = {}
        self._count = 0
        self._steps = 0

    def look(self, layer: int, path: bytes) -> tuple[Node, bool]:
        """Return what ``layer`` has at ``path`` and whether it hides, by something above ``path``,
        what lower layers have there.
        """
        self._steps += 1 + path.count(b"/")
        if self._steps > MAX_STEPS:
            raise _too_much()
        node = self._node(layer, b"")
        covers = node.opaque and path != b""
        end = 0
        while end < len(path):
            end = path.find(b"/", end + 1)
            end = len(path) if end < 0 else end
            node = self._node(layer, path[:end])
            if node.kind == ABSENT or end == len(path):
                break
            if node.kind != DIRECTORY:
                return _ABSENT, True
            covers = covers or node.opaque
        return node, covers

    def find(self, below: int, path: bytes) -> Found | None:
        """Return what the layers under number ``below`` make of ``path``."""
        asked = (below, path)
        if asked not in self._found:
            self._tick()
            self._found[asked] = self._find(below, path)
        return self._found[asked]

    def source(self, layer: int, path: bytes) -> tuple[int, bytes]:
        """Return where the data is of what ``layer`` has at ``path``, which is not a directory."""
        while (target := self._links[layer].get(path)) is not None:
            layer, path = self.target(layer, path, target)
        return layer, path

    def target(self, layer: int, path: bytes, target: bytes) -> tuple[int, bytes]:
        """Return which lower layer has the file that a link of ``layer`` leads to.

        What this layer itself has or deletes there does not count: whoever unpacked it saw which of
        them came first.

        Raises:
            ArchiveError: none has.
        """
        found = self.find(layer, target)
        if found is None or found.directory:
            raise ArchiveError(
                f"hard link {shown(path)} leads to {shown(target)},"
                " which is not a file before it in the layers"
            )
        return found.layer, target

    def shown(self, layers: int, path: bytes) -> list[int]:
        """Return the layers whose directories overlayfs puts together at ``path``, strongest
        first; none if it shows something else there.
        """
        found = []
        for layer in reversed(range(layers)):
            node, covers = self.look(layer, path)
            if node.kind == DIRECTORY:
                found.append(layer)
            elif node.kind != ABSENT:
                break
            if covers or node.opaque:
                break
        return found

    def _find(self, below: int, path: bytes) -> Found | None:
        for layer in reversed(range(below)):
            node, covers = self.look(layer, path)
            if node.kind == OTHER:
                return Found(directory=False, layer=layer)
            if node.kind == DIRECTORY:
                return self._directory(layer, path, covers=covers)
            if covers or node.kind == DELETED:
                return None
        return None

    def _directory(self, layer: int, path: bytes, *, covers: bool) -> Found | None:
        if path not in self._implied[layer]:
            return Found(directory=True, layer=layer)
        lower = None if covers else self.find(layer, path)
        if path in self._bare[layer] or (lower is not None and lower.directory):
            return lower
        return Found(directory=True, layer=-1)

    def _node(self, layer: int, path: bytes) -> Node:
        asked = (layer, path)
        if asked not in self._nodes:
            self._tick()
            self._nodes[asked] = self._view.node(layer, path)
        return self._nodes[asked]

    def _tick(self) -> None:
        self._count += 1
        if self._count > MAX_LOOKUPS:
            raise _too_much()


class _Knot:
    """Collects what the top must hold; ``layers`` is their number."""

    def __init__(self, stack: _Stack, view: View, layers: int) -> None:
        self._stack = stack
        self._view = view
        self._layers = layers
        self._directories: dict[bytes, int] = {}
        self._deleted: list[bytes] = []
        self._sources: dict[tuple[int, bytes], set[bytes]] = {}  # (layer, first name) → names

    def link(self, layer: int, path: bytes, target: bytes) -> None:
        """Bring the file that a link leads to, if the link is still there in the end."""
        self._stack.target(layer, path, target)
        found = self._stack.find(self._layers, path)
        if found == Found(directory=False, layer=layer):
            self._bring(layer, path)

    def directory(self, path: bytes) -> None:
        """Put right what stands where some layer has a directory that it does not describe."""
        layers = self._stack.shown(self._layers, path)
        if not layers:
            return
        found = self._stack.find(self._layers, path)
        if found is None:
            parent = path.rpartition(b"/")[0]
            above = self._stack.find(self._layers, parent) if parent else None
            if not parent or (above is not None and above.directory):
                self._above(path)
                self._deleted.append(path)
        elif not found.directory:
            self._bring(found.layer, path)
        elif found.layer not in (-1, layers[0]):
            self._hold(path)

    def deletions(self, path: bytes) -> None:
        """Let overlayfs put a directory with deletions together with another: alone it would show
        them as names."""
        found = self._stack.find(self._layers, path)
        if found is None or not found.directory:
            return
        if len(self._stack.shown(self._layers, path)) == 1:
            self._hold(path)

    def top(self, root: int) -> Top:
        """Return what was collected."""
        files = [
            Copy(layer, source, tuple(sorted(names)))
            for (layer, source), names in sorted(self._sources.items())
        ]
        for copy in files:
            for name in copy.names:
                self._above(name)
        directories = tuple(sorted(self._directories.items()))
        return Top(root, directories, tuple(files), tuple(self._deleted))

    def _bring(self, layer: int, path: bytes) -> None:
        """Have the data of ``path`` in the top, under this name and all its others."""
        layer, source = self._stack.source(layer, path)
        names = self._view.same_file(layer, source)
        group = self._sources.setdefault((layer, names[0]), set())
        if not group:
            group.update(self._visible(layer, names))
        group.add(path)

    def _visible(self, layer: int, names: Iterable[bytes]) -> list[bytes]:
        here = Found(directory=False, layer=layer)
        return [name for name in names if self._stack.find(self._layers, name) == here]

    def _hold(self, path: bytes) -> None:
        """Have the directory ``path`` in the top, with the attributes that it has in the image."""
        while path and path not in self._directories:
            found = self._stack.find(self._layers, path)
            if found is None or not found.directory:
                raise AssertionError("the parent of something is not a directory")
            self._directories[path] = found.layer
            path = path.rpartition(b"/")[0]

    def _above(self, path: bytes) -> None:
        self._hold(path.rpartition(b"/")[0])


def _too_much() -> ArchiveLimitError:
    return ArchiveLimitError("the layers leave too much open to be put together")


_ABSENT = Node(ABSENT)
