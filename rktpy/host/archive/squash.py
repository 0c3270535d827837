"""Makes one application container image of the layers of a container image.

Each layer is a tar stream with what it changes in those below it. A member ``.wh.NAME`` deletes
NAME of the layers below, ``.wh..wh..opq`` all they have in that directory, wherever in the stream
the two stand (OCI image specification, layer.md). The layers are applied to a tree in memory that
holds no data, only where it is; then the tree is written out, sorted, so that equal layers give
equal images. Nothing is unpacked: this is done by whoever imports the result, who checks it too.
"""

from __future__ import annotations

from rktpy.host import helper
from rktpy.host.archive.extract import check_member
from rktpy.host.archive.layer import OPAQUE, WHITEOUT, deleted_name, is_harmless, layer_path
from rktpy.host.archive.limits import ArchiveError, ArchiveLimitError, Devices, Limits, shown
from rktpy.host.archive.reader import (
    BLOCK,
    DIR,
    FILE,
    LINK,
    GrowingFile,
    Member,
    TarReader,
)
from rktpy.host.archive.sink import Sink
from rktpy.host.archive.writer import header
from rktpy.host.tree.xattrs import keeps_xattr
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Layers(Value):
    """Descriptors of uncompressed layers, the base first; ``manifest`` goes into the image."""

    fds: tuple[int, ...]
    manifest: bytes
    limits: Limits = Limits()


def squash(layers: Layers, out: int) -> tuple[str, ...]:
    """Write the image to the file ``out``, in a process without power; return warnings.

    Raises:
        ArchiveError: a layer is damaged, forbidden or too large.
        OSError: the disk is full.
    """

    def work() -> helper.Answer:
        helper.confine(0, file_size=layers.limits.stream)
        squasher = _Squasher(layers.limits)
        for fd in layers.fds:
            squasher.apply(TarReader(GrowingFile(fd), layers.limits))
        squasher.write(out, layers.manifest)
        return helper.Answer(tuple(squasher.warnings))

    return helper.Helper(work, failure=ArchiveError).wait().warnings


class _Inode:
    """A file, link or node, and where its data is; several names may lead to it."""

    __slots__ = ("member", "name", "reader")

    def __init__(self, member: Member, reader: TarReader) -> None:
        self.member = member
        self.reader = reader
        self.name = b""  # under which it was written


class _Entry:
    """One name of the tree, put there by the layer ``turn``. A directory has ``children``;
    it is ``implied``, root's and 0755, until a layer describes it.
    """

    __slots__ = ("children", "inode", "turn")

    def __init__(self, turn: int, inode: _Inode | None = None) -> None:
        self.turn = turn
        self.inode = inode
        self.children: dict[bytes, _Entry] | None = {}
        if inode is not None and inode.member.kind != DIR:
            self.children = None


class _Squasher:
    def __init__(self, limits: Limits) -> None:
        self.warnings: list[str] = []
        self._limits = limits
        self._root = _Entry(0)
        self._turn = 0
        self._entries = 0
        self._written = 0

    def apply(self, reader: TarReader) -> None:
        """Change the tree as one layer says: first what it deletes, then what it brings."""
        self._turn += 1
        brought = []
        for member in reader.members():
            self._count()
            path = layer_path(member.name, self._limits)
            if path and path[-1].startswith(WHITEOUT):
                self._delete(path[:-1], path[-1], member)
            else:
                brought.append((path, member))
        for path, member in brought:
            self._bring(path, member, reader)

    def _count(self) -> None:
        """Count a member, or a directory that is only implied: it takes as much."""
        self._entries += 1
        if self._entries > self._limits.entries:
            raise ArchiveLimitError(f"the layers have more than {self._limits.entries} entries")

    def write(self, out: int, manifest: bytes) -> None:
        """Write the image with the present tree."""
        sink = Sink(out)
        document = Member(b"manifest", FILE)
        document.mode, document.size = 0o644, len(manifest)
        sink.put(header(document) + manifest + bytes(-len(manifest) % BLOCK))
        # A stack instead of recursion; children go on it in reverse, to come off in order.
        pending = [(b"rootfs", self._root)]
        while pending:
            name, entry = pending.pop()
            self._put(sink, name, entry)
            for child in sorted(entry.children or (), reverse=True):
                assert entry.children is not None  # noqa: S101 - for the type checker
                pending.append((name + b"/" + child, entry.children[child]))
        sink.put(bytes(2 * BLOCK))
        sink.finish()

    def _delete(self, parent: list[bytes], mark: bytes, member: Member) -> None:
        """Delete what ``mark`` says; nothing of this layer is in the tree yet."""
        hidden = deleted_name(mark, member)
        directory = self._find(parent)
        if directory is None or directory.children is None:
            return
        if mark == OPAQUE:
            directory.children.clear()
        else:
            directory.children.pop(hidden, None)

    def _bring(self, path: list[bytes], member: Member, reader: TarReader) -> None:
        check_member(member, Devices.ALL, self._limits)
        if not is_harmless(member):
            self.warnings.append(f"leaving out device node {shown(member.name)}")
            return
        if not path:
            if member.kind != DIR:
                raise ArchiveError(f"the root of a layer is not a directory: {shown(member.name)}")
            self._root.inode = _Inode(member, reader)
            return
        inode = self._linked(member) if member.kind == LINK else _Inode(member, reader)
        children = self._directory(path[:-1], member)
        old = children.get(path[-1])
        if member.kind == DIR and old is not None and old.children is not None:
            old.inode, old.turn = inode, self._turn
        else:
            children[path[-1]] = _Entry(self._turn, inode)

    def _directory(self, path: list[bytes], member: Member) -> dict[bytes, _Entry]:
        """Return the children of the directory ``path``, made if need be.

        What a lower layer has in the way is replaced, a link is never followed.
        """
        entry = self._root
        for part in path:
            assert entry.children is not None  # noqa: S101 - each step makes sure of it
            below = entry.children.get(part)
            if below is None or below.children is None:
                if below is not None and below.turn == self._turn:
                    raise ArchiveError(
                        f"{shown(member.name)} lies below {shown(part)}, which is not a directory"
                    )
                self._count()
                below = entry.children[part] = _Entry(self._turn)
            entry = below
        assert entry.children is not None  # noqa: S101 - as above
        return entry.children

    def _linked(self, member: Member) -> _Inode:
        found = self._find(layer_path(member.link, self._limits))
        if found is None or found.children is not None or found.inode is None:
            raise ArchiveError(
                f"hard link {shown(member.name)} leads to {shown(member.link)},"
                " which is not a file before it in the layers"
            )
        return found.inode

    def _find(self, path: list[bytes]) -> _Entry | None:
        entry: _Entry | None = self._root
        for part in path:
            if entry is None or entry.children is None:
                return None
            entry = entry.children.get(part)
        return entry

    def _put(self, sink: Sink, name: bytes, entry: _Entry) -> None:
        inode = entry.inode
        if inode is None:
            implied = Member(name, DIR)
            implied.mode = 0o755
            sink.put(header(implied))
            return
        member = inode.member
        if inode.name:
            link = Member(name, LINK)
            link.link, link.mode, link.mtime = inode.name, member.mode, member.mtime
            link.uid, link.gid = member.uid, member.gid
            sink.put(header(link))
            return
        inode.name = member.name = name
        member.xattrs = _kept(member.xattrs.items())
        self._written += member.size
        if self._written > self._limits.stream:
            raise ArchiveLimitError(f"the image is larger than {self._limits.stream} bytes")
        sink.put(header(member))
        if member.kind == FILE:
            for piece in inode.reader.data(member):
                sink.put(bytes(piece))
            sink.put(bytes(-member.size % BLOCK))


def _kept(xattrs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    return {name: value for name, value in xattrs if keeps_xattr(name)}
