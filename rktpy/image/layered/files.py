"""The files of an image that lies on this host: in a directory, or in a tar archive of one."""

from __future__ import annotations

import os
import posixpath
import stat

from rktpy.codec import quote
from rktpy.host.archive import formats as archive_formats
from rktpy.host.archive.limits import ArchiveError, Limits
from rktpy.host.archive.reader import FILE, LINK, SYMLINK, GrowingFile, Member, TarReader
from rktpy.image.layered.blobs import nameless, write_all
from rktpy.image.layered.documents import LayeredImageError
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_HOPS = 8  # links in an archive from one name to another
_KEPT = 64 << 20  # bytes of what is remembered of an archive
_EACH = 512  # of each of its files, beside their names
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would hold us for ever


class Directory(Resource):
    """Files below a directory."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the content of the file ``name``.

        Raises:
            LayeredImageError: there is no such file.
        """
        fd = open_regular(f"{self._path}/{name}")
        try:
            while piece := os.read(fd, archive_formats.PIECE):
                yield piece
        finally:
            os.close(fd)

    def close(self) -> None:
        pass


class Archive(Resource):
    """Files in a tar archive, which may be compressed."""

    __slots__ = ("_fd", "_members", "_path", "_scratch")

    def __init__(self, path: str, scratch: str) -> None:
        """Look through the archive ``path``.

        Raises:
            LayeredImageError: there is none.
            ArchiveError: it is damaged.
        """
        self._path = path
        self._scratch = scratch
        self._members: dict[str, Member] = {}
        self._fd = open_regular(path)
        try:
            self._unwrap(Limits())
            reader = TarReader(GrowingFile(self._fd), Limits())
            self._look_through(reader)
        except BaseException:
            os.close(self._fd)
            raise

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the content of the file ``name``; see ``Directory.pieces``."""
        member = self._follow(posixpath.normpath(name))
        position, left = member.offset, member.size
        while left:
            piece = os.pread(self._fd, min(left, archive_formats.PIECE), position)
            if not piece:
                raise LayeredImageError(f"{self._path} is truncated inside {quote(name)}")
            yield piece
            position += len(piece)
            left -= len(piece)

    def close(self) -> None:
        os.close(self._fd)

    def _look_through(self, reader: TarReader) -> None:
        """Note all members. Who reads is not confined, so what is kept is bounded here."""
        kept = 0
        for member in reader.members():
            kept += _EACH + len(member.name) + len(member.link)
            if kept > _KEPT:
                raise ArchiveError(f"{self._path} has too many entries")
            member.xattrs = {}
            self._members[posixpath.normpath(os.fsdecode(member.name))] = member

    def _follow(self, name: str) -> Member:
        """Return the file that ``name`` is or links to: docker linked equal layers."""
        wanted = name
        for _hop in range(_HOPS):
            member = self._members.get(wanted)
            if member is None or member.kind not in (FILE, LINK, SYMLINK):
                break
            if member.kind == FILE:
                return member
            target = os.fsdecode(member.link)
            base = posixpath.dirname(wanted) if member.kind == SYMLINK else ""
            wanted = posixpath.normpath(posixpath.join(base, target))
        raise LayeredImageError(f"{self._path} has no file {quote(name)}")

    def _unwrap(self, limits: Limits) -> None:
        kind = archive_formats.detect(os.pread(self._fd, archive_formats.SNIFFED, 0))
        if kind == "tar":
            return
        plain = nameless(self._scratch)
        try:
            size = 0
            for piece in archive_formats.pieces(archive_formats.of_file(self._fd), kind):
                size += len(piece.data)
                limits.check_stream(size, piece.consumed)
                write_all(plain, piece.data)
        except BaseException:
            os.close(plain)
            raise
        os.close(self._fd)
        self._fd = plain


def open_regular(path: str) -> int:
    """Return a descriptor of the regular file ``path``.

    Raises:
        LayeredImageError: there is none.
    """
    try:
        fd = os.open(path, _OPEN)
    except OSError as error:
        raise LayeredImageError("cannot open a file of the image") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise LayeredImageError(f"{path} is not a regular file")
    return fd
