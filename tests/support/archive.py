"""Deterministic tar writing for test images: the same input gives the same bytes, on any day.

An archive is a sequence of ``Entry`` values written as they are, in their order; nothing is
checked, so that broken archives can be written as well as good ones (``tests.support.hostile``).
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import stat
import tarfile
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

MTIME = 1_500_000_000  # seconds since the epoch; any fixed past moment will do
COMPRESSIONS = ("gzip", "bzip2", "xz", "zstd")


@dataclass(frozen=True)
class Entry:
    """One tar member. ``name`` is written literally; ``data`` counts for regular files only.

    ``source`` streams the content from a file instead, ``size`` overrides the declared size in
    bytes.
    """

    name: str
    data: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = MTIME
    type: bytes = tarfile.REGTYPE
    linkname: str = ""
    device: tuple[int, int] = (0, 0)
    source: Path | None = None
    size: int | None = None
    pax: Mapping[str, str] = field(default_factory=dict)

    def under(self, prefix: str) -> Entry:
        """Return the same member with ``prefix/`` before its name."""
        return replace(self, name=f"{prefix}/{self.name.lstrip('/')}".rstrip("/"))


def file(data: bytes | str = b"", mode: int = 0o644, *, uid: int = 0, gid: int = 0) -> Entry:
    """Return a regular file without a name yet; ``build_aci`` fills the name in."""
    raw = data.encode() if isinstance(data, str) else data
    return Entry("", data=raw, mode=mode, uid=uid, gid=gid)


def directory(mode: int = 0o755, *, uid: int = 0, gid: int = 0) -> Entry:
    return Entry("", mode=mode, uid=uid, gid=gid, type=tarfile.DIRTYPE)


def symlink(target: str) -> Entry:
    return Entry("", mode=0o777, type=tarfile.SYMTYPE, linkname=target)


def hardlink(target: str) -> Entry:
    """Return a hard link; ``target`` is the literal link name (``rootfs/…`` in an ACI)."""
    return Entry("", type=tarfile.LNKTYPE, linkname=target)


def device(kind: str, major: int, minor: int, mode: int = 0o666) -> Entry:
    """Return a device node, ``kind`` is ``c`` or ``b``."""
    tar_type = tarfile.CHRTYPE if kind == "c" else tarfile.BLKTYPE
    return Entry("", mode=mode, type=tar_type, device=(major, minor))


def fifo(mode: int = 0o644) -> Entry:
    return Entry("", mode=mode, type=tarfile.FIFOTYPE)


def write_tar(out: IO[bytes], entries: Iterable[Entry]) -> None:
    """Write ``entries`` and the end-of-archive blocks to ``out``."""
    for entry in entries:
        _write_entry(out, entry)
    out.write(bytes(2 * tarfile.BLOCKSIZE))


def tar_bytes(entries: Iterable[Entry]) -> bytes:
    """Return a whole uncompressed tar."""
    out = io.BytesIO()
    write_tar(out, entries)
    return out.getvalue()


def scan_tree(root: Path) -> Iterator[tuple[str, Entry]]:
    """Yield (relative path, entry) of everything below ``root``, sorted; sockets are left out.

    Names are relative, owners and modes are the ones on disk, times are fixed.
    """
    seen: dict[tuple[int, int], str] = {}
    for path in sorted(_walk(root)):
        relative = path.relative_to(root).as_posix()
        info = path.lstat()
        base = Entry("", mode=stat.S_IMODE(info.st_mode), uid=info.st_uid, gid=info.st_gid)
        inode = (info.st_dev, info.st_ino)
        if stat.S_ISDIR(info.st_mode):
            yield relative, replace(base, type=tarfile.DIRTYPE)
        elif stat.S_ISLNK(info.st_mode):
            yield relative, symlink(os.readlink(path))
        elif stat.S_ISREG(info.st_mode) and inode in seen:
            yield relative, hardlink(f"rootfs/{seen[inode]}")
        elif stat.S_ISREG(info.st_mode):
            seen[inode] = relative
            yield relative, replace(base, source=path)


def _walk(root: Path) -> Iterator[Path]:
    for child in root.iterdir():
        yield child
        if child.is_dir() and not child.is_symlink():
            yield from _walk(child)


@contextlib.contextmanager
def compressed(path: Path, compression: str | None, *, level: int = 6) -> Iterator[IO[bytes]]:
    """Open ``path`` for writing through ``compression`` (None: as is), without times or names."""
    with path.open("wb") as raw, _compressor(raw, compression, level) as out:
        yield out


def _compressor(
    raw: IO[bytes], compression: str | None, level: int
) -> contextlib.AbstractContextManager[IO[bytes]]:
    if compression is None:
        return contextlib.nullcontext(raw)
    if compression == "gzip":
        return gzip.GzipFile("", "wb", level, raw, mtime=0)  # type: ignore[return-value]
    if compression == "bzip2":
        return bz2.BZ2File(raw, "wb", compresslevel=level)
    if compression == "xz":
        return lzma.LZMAFile(raw, "wb", preset=min(level, 1))
    if compression == "zstd":
        import zstandard

        return zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False)
    raise ValueError(f"unknown compression {compression!r}, one of {COMPRESSIONS}")


def _write_entry(out: IO[bytes], entry: Entry) -> None:
    info = tarfile.TarInfo(entry.name)
    info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.gid, entry.mtime
    info.type, info.linkname = entry.type, entry.linkname
    info.devmajor, info.devminor = entry.device
    info.pax_headers = dict(entry.pax)
    length = entry.source.stat().st_size if entry.source else len(entry.data)
    if entry.type == tarfile.REGTYPE:
        info.size = length if entry.size is None else entry.size
    out.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
    if entry.type != tarfile.REGTYPE or not length:
        return
    if entry.source:
        with entry.source.open("rb") as source:
            while chunk := source.read(1 << 20):
                out.write(chunk)
    else:
        out.write(entry.data)
    out.write(bytes(-length % tarfile.BLOCKSIZE))
