"""What an archive is wrapped in: recognise it by its first bytes and unwrap it piece by piece.

Decoders produce bounded pieces whatever the input says, so a bomb is noticed while it is
small. gzip goes through ISA-L (``isal``), three times as fast as zlib, where it is installed.
"""

from __future__ import annotations

import os

from rktpy.host.archive.limits import ArchiveError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    # Returns some more bytes, at most so many; b"" at the end.
    Read = Callable[[int], bytes]

SNIFFED = 512  # bytes looked at
PIECE = 1 << 18  # largest piece handed out; larger ones fall out of the processor's caches
_INPUT = 1 << 17
_XZ_MEMORY = 192 << 20  # xz -9 needs 65 MiB to unpack
_ZSTD_WINDOW = 128 << 20


class Piece(Value):
    """Uncompressed bytes and how many bytes of the file were used up so far."""

    data: bytes
    consumed: int


def detect(head: bytes) -> str:
    """Return ``tar``, ``gzip``, ``bzip2``, ``xz`` or ``zstd`` for a file that starts so.

    Raises:
        ArchiveError: none of them (rkt: aci.DetectFileType).
    """
    for magic, name in (
        (b"\x1f\x8b", "gzip"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ):
        if head.startswith(magic):
            return name
    if len(head) > 262 and head[257:262] == b"ustar":
        return "tar"
    raise ArchiveError("error: unknown image filetype")


class Stream:
    """Bytes that come in pieces of any size, to be read once, and its first ones looked at."""

    __slots__ = ("_kept", "_pieces")

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._kept = b""

    def head(self) -> bytes:
        """Return what ``detect`` looks at; it is still to be read."""
        while len(self._kept) < SNIFFED and (piece := next(self._pieces, b"")):
            self._kept += piece
        return self._kept[:SNIFFED]

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, b"" at the end."""
        kept = self._kept or next(self._pieces, b"")
        self._kept = kept[size:]
        return kept[:size]


def of_file(fd: int) -> Read:
    """Return what reads the file ``fd`` from its position on."""
    return lambda size: os.read(fd, size)


def pieces(read: Read, kind: str) -> Iterator[Piece]:
    """Yield the uncompressed content of what ``read`` returns until its end.

    Raises:
        ArchiveError: it is damaged or cut short.
    """
    if kind == "tar":
        return _plain(read)
    if kind == "zstd":
        return _zstd(read)
    return _members(read, kind)


def _plain(read: Read) -> Iterator[Piece]:
    consumed = 0
    while data := read(PIECE):
        consumed += len(data)
        yield Piece(data, consumed)


def _members(more: Read, kind: str) -> Iterator[Piece]:
    """gzip, bzip2 and xz: any number of compressed members, one after the other."""
    make, damage = _decoder(kind)
    decoder = make()
    data = more(_INPUT)
    read = len(data)
    while True:
        try:
            out = decoder.decompress(data, PIECE)
        except damage as error:
            raise _damaged(kind, error) from None  # their class names tell users nothing
        data = b""
        if out:
            yield Piece(out, read)
        if decoder.eof:
            data = decoder.unused_data.lstrip(b"\0")  # padding after a member
            while not data:
                data = more(_INPUT)
                if not data:
                    return
                read += len(data)
                data = data.lstrip(b"\0")
            decoder = make()
        elif decoder.needs_input:
            data = more(_INPUT)
            if not data:
                raise ArchiveError(f"truncated {kind} data")
            read += len(data)


def _decoder(kind: str) -> tuple[Callable[[], Any], tuple[type[Exception], ...]]:
    """Return what makes a decoder with bz2's interface, and the errors damage shows as."""
    if kind == "bzip2":
        import bz2

        return bz2.BZ2Decompressor, (OSError, ValueError, EOFError)
    if kind == "xz":
        import lzma

        return (
            lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
            (lzma.LZMAError, EOFError),
        )
    zlib: Any
    try:
        from isal import isal_zlib as zlib
    except ImportError:
        import zlib
    return lambda: _GzipMember(zlib), (zlib.error,)


class _GzipMember:
    """One gzip member behind the interface of ``bz2.BZ2Decompressor``."""

    __slots__ = ("_inner", "needs_input")

    def __init__(self, zlib: Any) -> None:  # noqa: ANN401 - zlib or a module like it
        self._inner = zlib.decompressobj(wbits=31)
        self.needs_input = True

    def decompress(self, data: bytes, size: int) -> bytes:
        tail = self._inner.unconsumed_tail
        out: bytes = self._inner.decompress(tail + data if data else tail, size)
        self.needs_input = len(out) < size  # a full piece may leave output inside
        return out

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)


class _Counted:
    """A file for zstandard that knows how much was read."""

    __slots__ = ("_read", "consumed")

    def __init__(self, read: Read) -> None:
        self._read = read
        self.consumed = 0

    def read(self, size: int) -> bytes:
        data = self._read(size)
        self.consumed += len(data)
        return data


def _zstd(read: Read) -> Iterator[Piece]:
    try:
        import zstandard
    except ImportError:
        raise ArchiveError(
            "zstd images need the Python module zstandard", hint="pip install zstandard"
        ) from None

    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    source: Any = _Counted(read)
    reader = decoder.stream_reader(source, read_size=_INPUT, read_across_frames=True)
    try:
        while data := reader.read(PIECE):
            yield Piece(data, source.consumed)
    except zstandard.ZstdError as error:
        raise _damaged("zstd", error) from None


def _damaged(kind: str, error: Exception) -> ArchiveError:
    return ArchiveError(f"damaged {kind} data: {str(error).lower()}")
