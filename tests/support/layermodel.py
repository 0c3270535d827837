"""Layers in memory: what a layer's stream says, what unpacking makes of it, what overlayfs shows of
several. A model to test against; it reads like the rules in ``docs/adr/0015``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rktpy.host.archive.ends import LooseEnds
from rktpy.host.archive.reader import DIR, FILE, LINK, Member
from rktpy.store.tying import ABSENT, DELETED, DIRECTORY, OTHER, Node, Top

Attributes = tuple[int, int, int]  # mode, owner, time; the time tells files apart

DEFAULT: Attributes = (0o755, 0, 0)


@dataclass
class Entry:
    """One name of an unpacked layer; hard links share the ``inode``."""

    kind: str
    attributes: Attributes = DEFAULT
    opaque: bool = False
    inode: object = field(default_factory=object)


@dataclass
class Stream:
    """What one layer says: members in their order, names to delete, directories to clear."""

    members: list[Member]
    deleted: list[bytes]
    cleared: list[bytes]

    def __repr__(self) -> str:
        shown = [(m.name, m.kind, m.link, m.mtime // 10**9) for m in self.members]
        return f"Stream({shown}, {self.deleted}, {self.cleared})"


def parents(path: bytes) -> list[bytes]:
    """Return the directories above ``path``, outermost first, the root left out."""
    parts = path.split(b"/")
    return [b"/".join(parts[:end]) for end in range(1, len(parts))]


class Layer:
    """What unpacking makes of a stream: ``entries`` by path, and ``ends``."""

    def __init__(self, stream: Stream) -> None:
        self.entries: dict[bytes, Entry] = {b"": Entry(DIRECTORY)}
        self._described: set[bytes] = set()
        self._borrowed: dict[bytes, bytes] = {}
        for member in stream.members:
            self._bring(member)
        self._bare: list[bytes] = []
        for path in stream.cleared:
            self._clear(path, stream)
        for path in stream.deleted:
            self._delete(path, stream)
        self.ends = self._ends(stream)

    def _bring(self, member: Member) -> None:
        path = member.name
        self._parents(path)
        attributes = (member.mode, member.uid, member.mtime)
        if member.kind == DIR:
            self.entries.setdefault(path, Entry(DIRECTORY)).attributes = attributes
            self._described.add(path)
        elif member.kind != LINK:
            self.entries[path] = Entry(OTHER, attributes)
        elif member.link in self._borrowed:
            self._borrow(path, self._borrowed[member.link])
        elif member.link in self.entries and self.entries[member.link].kind == OTHER:
            self.entries[path] = self.entries[member.link]
        else:
            self._borrow(path, member.link)

    def _borrow(self, path: bytes, target: bytes) -> None:
        self.entries[path] = Entry(OTHER, (0o600, 0, 0))
        self._borrowed[path] = target

    def _parents(self, path: bytes) -> list[bytes]:
        missing = [parent for parent in parents(path) if parent not in self.entries]
        for parent in missing:
            self.entries[parent] = Entry(DIRECTORY)
        return missing

    def _says_nothing(self, path: bytes, stream: Stream) -> bool:
        above = [b"", *parents(path)]
        return (
            any(p in stream.deleted for p in above)
            or any(p in stream.cleared for p in above)
            or any(self.entries[p].kind == OTHER for p in above if p in self.entries)
        )

    def _clear(self, path: bytes, stream: Stream) -> None:
        if path and (path in stream.deleted and path not in self.entries):
            return
        if path and self._says_nothing(path, stream):
            if path in self.entries and self.entries[path].kind == DIRECTORY:
                self.entries[path].opaque = True
            return
        if path not in self.entries:
            self._bare += [*self._parents(path), path]
        entry = self.entries.setdefault(path, Entry(DIRECTORY))
        entry.opaque = entry.kind == DIRECTORY

    def _delete(self, path: bytes, stream: Stream) -> None:
        if path in self.entries and path not in self._bare:
            entry = self.entries[path]
            entry.opaque = entry.kind == DIRECTORY
        elif not self._says_nothing(path, stream):
            self._bare += self._parents(path)
            self.entries[path] = Entry(DELETED)

    def _ends(self, stream: Stream) -> LooseEnds:
        opaque = {path for path, entry in self.entries.items() if entry.opaque}
        implied = [
            path
            for path, entry in sorted(self.entries.items())
            if entry.kind == DIRECTORY
            and path
            and path not in self._described
            and path not in stream.deleted
            and not opaque.intersection([b"", *parents(path)])
        ]
        deleting = {p.rpartition(b"/")[0] for p, e in self.entries.items() if e.kind == DELETED}
        return LooseEnds(
            implied=tuple(implied),
            bare=tuple(path for path in implied if path in self._bare),
            links=tuple(self._borrowed.items()),
            deleting=tuple(sorted(deleting - {b""})),
            rooted=b"" in self._described,
        )


class Memory:
    """A ``tying.View`` of layers in memory."""

    def __init__(self, layers: list[Layer]) -> None:
        self._layers = layers

    def node(self, layer: int, path: bytes) -> Node:
        entry = self._layers[layer].entries.get(path)
        return Node(ABSENT) if entry is None else Node(entry.kind, entry.opaque)

    def same_file(self, layer: int, path: bytes) -> list[bytes]:
        entries = self._layers[layer].entries
        return sorted(p for p, entry in entries.items() if entry.inode is entries[path].inode)


def made_top(top: Top, layers: list[Layer]) -> dict[bytes, Entry]:
    """Return what the directory above ``layers`` holds."""

    def like(path: bytes, layer: int) -> Entry:
        return Entry(DIRECTORY, layers[layer].entries[path].attributes if layer >= 0 else DEFAULT)

    made = {b"": like(b"", top.root)}
    for path, layer in top.directories:
        assert made[path.rpartition(b"/")[0]].kind == DIRECTORY
        made[path] = like(path, layer)
    for copy in top.files:
        entry = Entry(OTHER, layers[copy.layer].entries[copy.source].attributes)
        for name in copy.names:
            assert name not in made
            assert made[name.rpartition(b"/")[0]].kind == DIRECTORY
            made[name] = entry
    for path in top.deleted:
        assert path not in made
        assert made[path.rpartition(b"/")[0]].kind == DIRECTORY
        made[path] = Entry(DELETED)
    return made


def overlay(stack: list[dict[bytes, Entry]]) -> dict[bytes, tuple[str, Attributes, object]]:
    """Return what overlayfs shows of ``stack``, strongest first; directories have no identity."""
    shown: dict[bytes, tuple[str, Attributes, object]] = {}

    def put(path: bytes, dirs: list[dict[bytes, Entry]]) -> None:
        shown[path] = (DIRECTORY, dirs[0][path].attributes, None)
        prefix = path + b"/" if path else b""
        names = {
            name
            for entries in dirs
            for name in entries
            if name and name.startswith(prefix) and b"/" not in name[len(prefix) :]
        }
        for name in names:
            here = [entries for entries in dirs if name in entries]
            first = here[0][name]
            if first.kind == OTHER:
                shown[name] = (OTHER, first.attributes, first.inode)
            elif first.kind == DELETED:
                # Overlayfs does not merge what is alone, and shows its marks as they are.
                assert len(dirs) > 1, f"{name!r} is shown"
            else:
                put(name, _merged(here, name))

    put(b"", stack)
    return shown


def _merged(stack: list[dict[bytes, Entry]], path: bytes) -> list[dict[bytes, Entry]]:
    found = []
    for entries in stack:
        if entries[path].kind != DIRECTORY:
            break
        found.append(entries)
        if entries[path].opaque:
            break
    return found


def a_member(path: bytes, kind: str, time: int, link: bytes = b"") -> Member:
    """Return an empty member that is known by its time (seconds)."""
    member = Member(path, kind)
    member.mode = 0o700 if kind == DIR else 0o640
    member.uid, member.mtime, member.link = time % 7, time * 10**9, link
    return member


__all__ = ["DIR", "FILE", "LINK", "Layer", "Memory", "Stream", "a_member", "made_top", "overlay"]
