"""Decides, member by member, what of one or more archives goes into one tree.

An application container image holds a document (``manifest``) and a directory (``rootfs``) and
nothing else. Of several layers the first, strongest one that provides a path wins, as rkt's
renderer does it (rkt: pkg/acirenderer). Names stay bytes; nothing is created here.
"""

from __future__ import annotations

from rktpy.host.archive.extract import Extractor, check_member
from rktpy.host.archive.limits import ArchiveError, ArchiveLimitError, Devices, Limits, shown
from rktpy.host.archive.reader import DIR, FILE, LINK, GrowingFile, Member, TarReader
from rktpy.value import Value

_IMPLICIT = "i"  # a directory nobody described yet


class Layer(Value):
    """One uncompressed archive and which of its paths may be taken.

    ``own`` limits the non-directories (the image's own whitelist); each set of ``chain`` limits
    everything (whitelists of images above). Paths are relative to the tree, without slashes at
    the ends. ``progress`` is the pipe of a ``GrowingFile``.
    """

    fd: int
    progress: int = -1
    own: frozenset[bytes] | None = None
    chain: tuple[frozenset[bytes], ...] = ()


class Order(Value):
    """What to make of which layers, strongest first.

    ``target`` is an existing empty directory that becomes the tree; empty: only check.
    """

    layers: tuple[Layer, ...]
    target: str = ""
    owners: bool = True
    devices: str = Devices.LISTED
    limits: Limits = Limits()
    document: bytes = b"manifest"
    tree: bytes = b"rootfs"


class Outcome(Value):
    """What became of an ``Order``. ``tree_hash`` and ``tree_size`` are of the extracted tree."""

    document: bytes  # of the first layer
    entries: int
    tree_hash: str = ""
    tree_size: int = 0
    warnings: tuple[str, ...] = ()


class Unpacker:
    """Carries out one order in the current process and directory."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._limits = order.limits
        self._made = Extractor(owners=order.owners) if order.target else None
        # Which kind of entry each path holds and which layer put it there.
        self._seen: dict[bytes, tuple[str, int]] = {b"": (_IMPLICIT, -1)}
        self._marks: dict[tuple[str, int], tuple[str, int]] = {}
        self._entries = 0
        self._surveys = True
        self._merging = len(order.layers) > 1 or order.layers[0].own is not None

    def run(self) -> Outcome:
        """Unpack every layer.

        Raises:
            ArchiveError: an archive is broken or forbidden; what was made so far is there.
            OSError: the disk is full.
        """
        documents = [self._layer(n, layer) for n, layer in enumerate(self._order.layers)]
        if self._made is None:
            return Outcome(documents[0], self._entries)
        digest = self._made.finish()
        warnings = tuple(self._made.warnings)
        return Outcome(documents[0], self._entries, digest, self._made.size, warnings)

    def _layer(self, number: int, layer: Layer) -> bytes:
        turn = _Turn(number, layer, TarReader(GrowingFile(layer.fd, layer.progress), self._limits))
        document: bytes | None = None
        rooted = False
        for member in turn.reader.members():
            self._count(turn, member)
            parts = split_name(member.name, self._limits)
            if not parts:
                continue
            if parts[0] == self._order.tree:
                rooted = rooted or len(parts) == 1
                self._member(turn, b"/".join(parts[1:]), member)
            elif parts == [self._order.document]:
                if document is not None:
                    raise _duplicate(member)
                document = self._document(turn, member)
            else:
                text = shown(b"/".join(parts))
                raise ArchiveError(f'unrecognized file path in layout: "{text}"')
        if document is None:
            raise ArchiveError("no image manifest found in layout")
        if not rooted:
            raise ArchiveError(f"no {shown(self._order.tree)} found in layout")
        return document

    def _count(self, turn: _Turn, member: Member) -> None:
        """Refuse too many members, and do so before half a million of them were created."""
        self._entries += 1
        ahead = 0
        if self._surveys and self._entries >= self._limits.survey:
            self._surveys = False
            ahead = turn.reader.count_after(member, self._limits.entries)
        self._check_count(ahead)

    def _check_count(self, ahead: int = 0) -> None:
        """Refuse too many entries; directories that the archive only implies are some, too."""
        if self._entries + ahead > self._limits.entries:
            raise ArchiveLimitError(f"the archive has more than {self._limits.entries} entries")

    def _document(self, turn: _Turn, member: Member) -> bytes:
        name = shown(self._order.document)
        if member.kind != FILE:
            raise ArchiveError(f"{name} is not a regular file")
        if member.size > self._limits.document:
            raise ArchiveLimitError(f"{name} is larger than {self._limits.document} bytes")
        return b"".join(turn.reader.data(member))

    def _member(self, turn: _Turn, path: bytes, member: Member) -> None:
        if not path and member.kind != DIR:
            raise ArchiveError(f"{shown(self._order.tree)} is not a directory")
        check_member(member, self._order.devices, self._limits)
        source = self._link_source(turn, member) if member.kind == LINK else None
        if self._merging and member.kind != DIR:
            turn.places[path] = (
                turn.places[source] if isinstance(source, bytes) else source or member
            )
        if not _listed(path, member.kind, turn.layer) or not self._free(turn, path, member):
            return
        missing = self._missing_parents(turn, path, member)
        if missing is None:
            return
        self._entries += len(missing)
        self._check_count()
        for parent in reversed(missing):
            self._mark(parent, _IMPLICIT, turn.number)
            if self._made is not None:
                self._made.implicit(parent)
        self._mark(path, member.kind, turn.number)
        if self._made is None:
            return
        if isinstance(source, bytes):
            self._made.link(path, source, member)
        else:
            self._made.write(path, source or member, turn.reader.data)

    def _mark(self, path: bytes, kind: str, number: int) -> None:
        mark = (kind, number)
        self._seen[path] = self._marks.setdefault(mark, mark)  # one tuple for many paths

    def _link_source(self, turn: _Turn, member: Member) -> bytes | Member:
        """Return the path to link to, or the member to copy where that path was not taken."""
        link = member.link[1:] if member.link.startswith(b"/") else member.link
        parts = split_name(link, self._limits)
        target = b"/".join(parts[1:])
        if parts[:1] == [self._order.tree] and target:
            kind, provider = self._seen.get(target, (_IMPLICIT, -1))
            if provider == turn.number and kind not in (DIR, _IMPLICIT):
                return target
            if target in turn.places:
                return turn.places[target]
        raise ArchiveError(
            f"hard link {shown(member.name)} leads to {shown(member.link)},"
            " which is not a file before it in the archive"
        )

    def _free(self, turn: _Turn, path: bytes, member: Member) -> bool:
        """Return whether ``path`` is still to be provided; refuse a second one in one archive."""
        if path not in self._seen:
            return True
        kind, provider = self._seen[path]
        if kind == _IMPLICIT and member.kind == DIR:
            return True
        if provider == turn.number:
            raise _duplicate(member)
        return False

    def _missing_parents(self, turn: _Turn, path: bytes, member: Member) -> list[bytes] | None:
        """Return the unknown parents of ``path``, innermost first; None if a stronger layer has
        something else than a directory in the way.
        """
        missing = []
        parent = path
        while parent:
            parent = parent.rpartition(b"/")[0]
            known = self._seen.get(parent)
            if known is None:
                missing.append(parent)
                continue
            if known[0] in (DIR, _IMPLICIT):
                break
            if known[1] != turn.number:
                return None
            above = shown(self._order.tree + b"/" + parent)
            raise ArchiveError(f"{shown(member.name)} lies below {above}, which is not a directory")
        return missing


class _Turn:
    """One layer while it is read; ``places`` is where the data of its files is."""

    __slots__ = ("layer", "number", "places", "reader")

    def __init__(self, number: int, layer: Layer, reader: TarReader) -> None:
        self.number = number
        self.layer = layer
        self.reader = reader
        self.places: dict[bytes, Member] = {}


def _duplicate(member: Member) -> ArchiveError:
    return ArchiveError(f"duplicate file entry in archive: {shown(member.name)}")


def split_name(name: bytes, limits: Limits) -> list[bytes]:
    """Return the components of a member name; none for ``.`` and ``./``.

    Raises:
        ArchiveError: absolute, empty, with ``..`` or NUL.
        ArchiveLimitError: too long or too deep.
    """
    parts = name.split(b"/")
    if b".." in parts:
        raise ArchiveError(f'path with "..": {shown(name)}')
    if b"" in parts or b"." in parts:
        if not name or name.startswith(b"/"):
            raise ArchiveError(f'unrecognized file path in layout: "{shown(name)}"')
        parts = [part for part in parts if part not in (b"", b".")]
    if b"\0" in name:
        raise ArchiveError(f"NUL in a member name: {shown(name)}")
    if len(name) > limits.path or len(parts) > limits.depth:
        raise ArchiveLimitError(f"member name is too long: {shown(name)}")
    if parts and max(map(len, parts)) > limits.component:
        raise ArchiveLimitError(f"member name is too long: {shown(name)}")
    return parts


def _listed(path: bytes, kind: str, layer: Layer) -> bool:
    if not path:
        return True
    if layer.own is not None and kind != DIR and path not in layer.own:
        return False
    return all(path in allowed for allowed in layer.chain)
