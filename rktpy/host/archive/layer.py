"""Decides, member by member, what one layer of an image makes of an empty directory.

The result has overlayfs's form, so that layers can be stacked: a name that the layer deletes from
those below is a character device 0:0, a directory that hides what is below it is to be marked
opaque (which needs a power that the extracting process does not have: it only says where). It is a
function of the layer alone; what depends on the layers below is told as ``LooseEnds``.

In a layer ``.wh.NAME`` deletes NAME of the layers below, ``.wh..wh..opq`` all they have in that
directory, wherever in the stream the two stand (OCI image specification, layer.md).
"""

from __future__ import annotations

from rktpy.host.archive import digest as archive_digest
from rktpy.host.archive.ends import LayerOutcome, LooseEnds
from rktpy.host.archive.extract import Extractor, check_member
from rktpy.host.archive.limits import (
    WELL_KNOWN_DEVICES,
    ArchiveError,
    ArchiveLimitError,
    Devices,
    Limits,
    shown,
)
from rktpy.host.archive.reader import BLOCK_DEVICE, CHAR, DIR, FILE, LINK, Member
from rktpy.host.archive.unpack import split_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.host.archive.reader import TarReader

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
_IMPLIED = "i"  # a directory that the layer needs but does not describe
_DIRS = (DIR, _IMPLIED)


def layer_path(name: bytes, limits: Limits) -> list[bytes]:
    """Return the components of a name in a layer, in which ``/x`` is ``x``.

    Raises:
        ArchiveError: as ``split_name``.
    """
    return split_name(name.lstrip(b"/") or b"." if name else name, limits)


def deleted_name(mark: bytes, member: Member) -> bytes:
    """Return the name that ``mark``, which begins with ``WHITEOUT``, deletes.

    What aufs notes for itself (``.wh..wh.plnk``) deletes a name that no layer can have.

    Raises:
        ArchiveError: it is the name of nothing.
    """
    hidden = mark[len(WHITEOUT) :]
    if hidden in (b"", b".", b".."):
        raise ArchiveError(f"whiteout of nothing: {shown(member.name)}")
    return hidden


def is_harmless(member: Member) -> bool:
    """Return whether ``member`` is no device, or one that an image may have."""
    if member.kind not in (CHAR, BLOCK_DEVICE):
        return True
    return (member.kind, *member.device) in WELL_KNOWN_DEVICES


class LayerUnpacker:
    """Unpacks one layer in the current process and directory, which is empty.

    ``opaque`` are the directories to be marked, known after ``run``. The tree hash has the marks
    already.
    """

    def __init__(self, limits: Limits, *, owners: bool = True) -> None:
        self.opaque: list[bytes] = []
        self._limits = limits
        self._made = Extractor(owners=owners)
        self._made.implicit(b"", mtime=0)
        self._kinds: dict[bytes, str] = {b"": _IMPLIED}  # what the layer has where
        self._deleted: set[bytes] = set()  # from the layers below, by the layer's word
        self._emptied: set[bytes] = set()  # directories that the layer calls opaque
        self._replaced: set[bytes] = set()  # directories that were something else before
        self._links: dict[bytes, bytes] = {}  # to files below
        self._deleting: set[bytes] = set()  # directories with deletions in them
        self._warnings: list[str] = []
        self._entries = 0

    def run(self, reader: TarReader) -> LayerOutcome:
        """Unpack the layer.

        Raises:
            ArchiveError: it is damaged, forbidden or too large; what was made so far is there.
            OSError: the disk is full.
        """
        for member in reader.members():
            self._count()
            parts = layer_path(member.name, self._limits)
            if parts and parts[-1].startswith(WHITEOUT):
                self._note(b"/".join(parts[:-1]), parts[-1], member)
            else:
                self._bring(b"/".join(parts), member, reader)
        self._check_links()
        bare = self._mark()
        for path in self.opaque:
            self._made.digests[path] = archive_digest.opaque_digest(path or b".")
        tree_hash = self._made.finish()
        ends = LooseEnds(
            implied=tuple(sorted(filter(self._is_open, self._kinds))),
            bare=tuple(sorted(bare)),
            links=tuple(self._links.items()),
            deleting=tuple(sorted(self._deleting - {b""})),
            rooted=self._kinds[b""] == DIR,
        )
        warnings = (*self._warnings, *self._made.warnings)
        return LayerOutcome(self._entries, tree_hash, self._made.size, warnings, ends)

    def _count(self) -> None:
        self._entries += 1
        if self._entries > self._limits.entries:
            raise ArchiveLimitError(f"the layer has more than {self._limits.entries} entries")

    def _note(self, parent: bytes, mark: bytes, member: Member) -> None:
        """Remember a deletion; it is made when all that the layer brings is known."""
        hidden = deleted_name(mark, member)
        if mark == OPAQUE:
            self._emptied.add(parent)
        else:
            self._deleted.add(_join(parent, hidden))

    def _bring(self, path: bytes, member: Member, reader: TarReader) -> None:
        check_member(member, Devices.ALL, self._limits)
        if not is_harmless(member):
            self._warnings.append(f"leaving out device node {shown(member.name)}")
            return
        if not path and member.kind != DIR:
            raise ArchiveError(f"the root of a layer is not a directory: {shown(member.name)}")
        if member.kind == LINK:
            self._link(path, member, reader)
            return
        self._make_parents(path, member)
        self._clear(path, member)
        self._made.write(path, member, reader.data)
        self._kinds[path] = member.kind

    def _link(self, path: bytes, member: Member, reader: TarReader) -> None:
        """Make a hard link to what is there now; to a file below, an empty file instead."""
        target = b"/".join(layer_path(member.link, self._limits))
        kind = self._kinds.get(target)
        above = (self._kinds.get(one, _IMPLIED) in _DIRS for one in _parents(target))
        cut = any(one in self._replaced for one in _parents(target))
        if kind in _DIRS or not target or (kind is None and (cut or not all(above))):
            raise _no_file(member)
        self._make_parents(path, member)
        if path == target and kind is not None:
            return
        borrowed = self._links.get(target) if kind is not None else target
        if borrowed is None:
            self._replace_by_link(path, target, member)
        else:
            self._clear(path, member)
            stand_in = Member(member.name, FILE)
            stand_in.mode = 0o600
            self._made.write(path, stand_in, reader.data)
            self._links[path] = borrowed
        self._kinds[path] = FILE if kind is None else kind

    def _replace_by_link(self, path: bytes, target: bytes, member: Member) -> None:
        if path not in self._kinds:
            self._made.link(path, target, member)
            return
        spare = WHITEOUT + b"new"  # no file of a layer begins so, a directory might
        while spare in self._kinds:
            spare += b"-"
        self._made.link(spare, target, member)  # first: the target may lie in what has to go
        self._clear(path, member)
        self._made.rename(spare, path)

    def _make_parents(self, path: bytes, member: Member) -> None:
        missing = []
        for parent in _parents(path):
            kind = self._kinds.get(parent)
            if kind in _DIRS:
                break
            if kind is not None:
                raise ArchiveError(
                    f"{shown(member.name)} lies below {shown(parent)}, which is not a directory"
                )
            missing.append(parent)
        for parent in reversed(missing):
            self._count()
            self._made.implicit(parent, mtime=0)
            self._kinds[parent] = _IMPLIED

    def _clear(self, path: bytes, member: Member) -> None:
        """Remove what the layer brought at ``path`` before: its last word counts."""
        kind = self._kinds.get(path)
        if kind in _DIRS and member.kind == DIR:
            self._made.strip(path)
            return
        if kind is None:
            return
        if member.kind == DIR:
            self._replaced.add(path)  # by the file nothing was left of what is below
        for gone in self._made.remove(path):
            del self._kinds[gone]
            self._links.pop(gone, None)

    def _check_links(self) -> None:
        """Refuse links to what the layer itself deletes: deletions come first."""
        for path, target in self._links.items():
            hidden = target in self._deleted or any(
                one in self._deleted or one in self._emptied for one in _parents(target)
            )
            if hidden:
                member = Member(path, LINK)
                member.link = target
                raise _no_file(member)

    def _mark(self) -> list[bytes]:
        """Make the deletions; return the directories that were made for nothing else."""
        bare: list[bytes] = []
        gone = self._deleted | self._replaced
        opaque = {path for path in gone if self._kinds.get(path) in _DIRS}
        for path in self._emptied:
            if path not in gone and self._reaches_below(path):
                bare += self._make_bare(path)
                opaque.add(path)
        for path in self._deleted:
            if path not in self._kinds and self._reaches_below(path):
                bare += self._make_bare(path.rpartition(b"/")[0])
                self._count()
                self._made.whiteout(path)
                self._deleting.add(path.rpartition(b"/")[0])
        self.opaque = sorted(opaque)
        return bare

    def _make_bare(self, path: bytes) -> list[bytes]:
        missing = [one for one in (path, *_parents(path)) if one not in self._kinds]
        for one in reversed(missing):
            self._count()
            self._made.implicit(one, mtime=0)
            self._kinds[one] = _IMPLIED
        return missing

    def _reaches_below(self, path: bytes) -> bool:
        """Return whether a deletion at ``path`` can hit anything in the layers below."""
        return self._kinds.get(path, DIR) in _DIRS and all(
            self._kinds.get(one, DIR) in _DIRS
            and one not in self._deleted
            and one not in self._replaced
            and one not in self._emptied
            for one in _parents(path)
        )

    def _is_open(self, path: bytes) -> bool:
        """Return whether the attributes of the implied directory ``path`` come from below."""
        if not path or self._kinds[path] != _IMPLIED:
            return False
        return path not in self._deleted and self._reaches_below(path)


def _parents(path: bytes) -> Iterator[bytes]:
    """Yield the directories above ``path``, the innermost first, the root (b"") last."""
    while path:
        path = path.rpartition(b"/")[0]
        yield path


def _join(parent: bytes, name: bytes) -> bytes:
    return parent + b"/" + name if parent else name


def _no_file(member: Member) -> ArchiveError:
    return ArchiveError(
        f"hard link {shown(member.name)} leads to {shown(member.link)},"
        " which is not a file before it in the layers"
    )
