"""Images that an importer must refuse: broken, escaping, or far too large once unpacked.

``hostile_images()`` lists them; each builds its file when asked. Names of the classes follow
images.md section 6. What each does to a careless importer is in its ``danger``.
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from tarfile import BLOCKSIZE, CHRTYPE, DIRTYPE, LNKTYPE, REGTYPE, SYMTYPE
from typing import IO, TYPE_CHECKING

from tests.support import archive
from tests.support.archive import Entry, compressed, tar_bytes, write_tar
from tests.support.images import Content, build_aci, image_manifest, manifest_entry
from tests.support.manifests import broken_manifests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

ROOTFS = Entry("rootfs", mode=0o755, type=DIRTYPE)
MANIFEST = manifest_entry(image_manifest("example.com/hostile"))
GIB = 1 << 30


@dataclass(frozen=True)
class Hostile:
    """One bad image. ``build`` writes it to the path it gets; ``slow`` ones take seconds.

    ``says`` is a part of the message, where rkt fixes it.
    """

    name: str
    danger: str
    build: Callable[[Path], object]
    slow: bool = False
    says: str = ""

    def write(self, directory: Path) -> Path:
        """Write the image into ``directory`` and return its path."""
        path = directory / f"{self.name.replace(' ', '-').replace('/', '_')}.aci"
        self.build(path)
        return path


def hostile_images(*, slow: bool = True) -> tuple[Hostile, ...]:
    """Return every bad image, those that take seconds only if ``slow``."""
    images = (*_broken_files(), *_layouts(), *_escapes(), *_nodes(), *_doubles(), *_manifests())
    return (*images, *_floods()) if slow else images


def members(*entries: Entry) -> Callable[[Path], object]:
    """Return a builder of an uncompressed tar holding just ``entries``."""
    return lambda path: path.write_bytes(tar_bytes(entries))


def _image(*entries: Entry) -> Callable[[Path], object]:
    return members(MANIFEST, ROOTFS, *entries)


def _broken_files() -> list[Hostile]:
    content = Entry("rootfs/data", data=b"x" * 100_000)
    whole = tar_bytes([MANIFEST, ROOTFS, content])
    checksum = bytearray(whole)
    checksum[BLOCKSIZE * 2 + 1] ^= 0xFF  # in the name field of the second header
    packed = gzip.compress(whole, mtime=0)
    flipped = bytearray(packed)
    flipped[-6] ^= 0xFF  # in the CRC of the gzip trailer

    def raw(name: str, danger: str, data: bytes) -> Hostile:
        return Hostile(name, danger, lambda path: path.write_bytes(data))

    return [
        raw("empty file", "nothing at all", b""),
        raw("text", "no archive", b"hello, I am no archive\n" * 100),
        raw("random bytes", "no archive", bytes((i * 7919 + 13) % 251 for i in range(4096))),
        raw("empty tar", "only the end blocks", bytes(BLOCKSIZE * 20)),
        raw("truncated tar", "ends inside a member", whole[: BLOCKSIZE * 20]),
        raw("truncated header", "ends inside a header", whole[: BLOCKSIZE * 2 + 100]),
        raw("broken checksum", "a header with a wrong sum", bytes(checksum)),
        raw("truncated gzip", "the packed stream ends early", packed[: len(packed) // 2]),
        raw("gzip with wrong sum", "the content is not what was packed", bytes(flipped)),
        raw("gzip of nothing", "an empty archive, packed", gzip.compress(b"", mtime=0)),
        raw("gzip twice", "an archive in an archive", gzip.compress(packed, mtime=0)),
        raw("half an xz header", "only the magic", b"\xfd7zXZ\0"),
    ]


def _layouts() -> list[Hostile]:
    item = Entry("rootfs/a", data=b"a")
    return [
        Hostile("no manifest", "nothing says what it is", members(ROOTFS, item)),
        Hostile("no rootfs", "nothing to run", members(MANIFEST)),
        Hostile("rootfs not listed", "files below a missing directory", members(MANIFEST, item)),
        Hostile(
            "rootfs is a file", "not a directory", members(MANIFEST, Entry("rootfs", data=b"file"))
        ),
        Hostile(
            "rootfs is a link",
            "everything would land in /tmp",
            members(MANIFEST, Entry("rootfs", type=SYMTYPE, linkname="/tmp"), item),
        ),
        Hostile(
            "manifest is a link",
            "reads a file of the host",
            members(Entry("manifest", type=SYMTYPE, linkname="/etc/passwd"), ROOTFS),
        ),
        Hostile("manifest is a directory", "", members(Entry("manifest", type=DIRTYPE), ROOTFS)),
        Hostile("extra top-level file", "unknown content", _image(Entry("extra", data=b"x"))),
        Hostile("name like rootfs", "only begins alike", _image(Entry("rootfsfoo", data=b"x"))),
        Hostile("huge manifest", "8 MiB to parse", _huge_manifest),
    ]


def _escapes() -> list[Hostile]:
    secret = b"escaped"
    up = "rootfs/../../escaped"
    file = Entry("rootfs/file", data=b"x")

    def link(name: str, target: str) -> Entry:
        return Entry(name, mode=0o777, type=SYMTYPE, linkname=target)

    def hard(name: str, target: str) -> Entry:
        return Entry(name, type=LNKTYPE, linkname=target)

    return [
        Hostile("dot dot", "writes above the target", _image(Entry(up, data=secret))),
        Hostile("dot dot inside", "", _image(Entry("rootfs/a/../b", data=secret))),
        Hostile("absolute name", "writes to /tmp", _image(Entry("/tmp/escaped", data=secret))),
        Hostile("absolute rootfs", "", _image(Entry("/rootfs/a", data=secret))),
        Hostile(
            "through a symlink",
            "the second member goes where the first points",
            _image(link("rootfs/out", "/tmp"), Entry("rootfs/out/escaped", data=secret)),
        ),
        Hostile(
            "through a relative symlink",
            "the same with dots",
            _image(link("rootfs/out", "../../.."), Entry("rootfs/out/escaped", data=secret)),
        ),
        Hostile(
            "over a symlink",
            "the file replaces what the link points to",
            _image(link("rootfs/out", "/tmp/escaped"), Entry("rootfs/out", data=secret)),
        ),
        Hostile(
            "hard link to host", "a host file in the image", _image(hard("rootfs/p", "/etc/passwd"))
        ),
        Hostile("hard link upwards", "", _image(hard("rootfs/p", "rootfs/../../../etc/passwd"))),
        Hostile("hard link to nothing", "", _image(hard("rootfs/p", "rootfs/none"))),
        Hostile("hard link to manifest", "leaves rootfs", _image(hard("rootfs/p", "manifest"))),
        Hostile(
            "hard link through a symlink",
            "link(2) on a host file",
            _image(link("rootfs/etc", "/etc"), hard("rootfs/p", "rootfs/etc/passwd")),
        ),
        Hostile("hard link to a directory", "", _image(hard("rootfs/p", "rootfs"))),
        Hostile("empty name", "", _image(Entry("", data=secret))),
        Hostile("below a file", "", _image(file, Entry("rootfs/file/child", data=secret))),
        Hostile("long component", "256 bytes", _image(Entry("rootfs/" + "n" * 256))),
        Hostile("long path", "5000 bytes", _image(Entry("rootfs/" + "d/" * 2500 + "f"))),
    ]


def _nodes() -> list[Hostile]:
    return [
        Hostile("overlay whiteout", "hides files of a lower layer", _image(
            Entry("rootfs/gone", type=CHRTYPE, device=(0, 0)))),
        Hostile("unknown type", "a member of type Z", _image(Entry("rootfs/z", type=b"Z"))),
        Hostile("huge uid", "2^40", _image(Entry("rootfs/u", uid=1 << 40))),
    ]  # fmt: skip


def device_image(path: Path) -> Path:
    """Write an image with a disk's and the memory's device nodes, besides an allowed one.

    Importers may leave the bad nodes out or refuse the image, but must not create them.
    """
    files = {
        "/dev/null": archive.device("c", 1, 3),
        "/dev/mem": archive.device("c", 1, 1, 0o600),
        "/dev/sda": archive.device("b", 8, 0, 0o600),
    }
    return build_aci(path, name="example.com/devices", files=files)


def odd_names_image(path: Path) -> Path:
    """Write a *good* image whose names are no UTF-8, hold newlines, quotes and escapes.

    An importer keeps the bytes and prints them escaped.
    """
    names = [b"caf\xe9", b"\xff\xfe", b"new\nline", b"esc\x1b[31m", b'quo"te', b"back\\slash"]
    files: Mapping[str, Content] = {
        "/odd/" + name.decode("utf-8", "surrogateescape"): archive.file(b"odd") for name in names
    }
    return build_aci(path, name="example.com/odd-names", files=files)


def _doubles() -> list[Hostile]:
    item = Entry("rootfs/a", data=b"first, and longer")
    return [
        Hostile("duplicate file", "", _image(item, Entry("rootfs/a", data=b"second"))),
        Hostile("duplicate manifest", "which one counts", members(MANIFEST, MANIFEST, ROOTFS)),
        Hostile("duplicate rootfs", "", _image(ROOTFS)),
        Hostile("duplicate by dots", "./ before it", _image(item, Entry("./rootfs/a", data=b"b"))),
        Hostile("duplicate by slashes", "", _image(item, Entry("rootfs//a", data=b"b"))),
        Hostile("file and directory", "", _image(item, Entry("rootfs/a", type=DIRTYPE))),
    ]


def _manifests() -> list[Hostile]:
    def image(raw: bytes) -> Callable[[Path], object]:
        return members(manifest_entry(raw), ROOTFS)

    return [
        Hostile(f"manifest {broken.name}", "", image(broken.raw), says=broken.text)
        for broken in broken_manifests()
    ]


def _floods() -> list[Hostile]:
    return [
        Hostile("bomb", "10 GB of zeros in 10 MB", gzip_bomb, slow=True),
        Hostile("bomb xz", "the same", lambda path: stream_bomb(path, "xz"), slow=True),
        Hostile("bomb bzip2", "the same", lambda path: stream_bomb(path, "bzip2"), slow=True),
        Hostile("bomb zstd", "the same", lambda path: stream_bomb(path, "zstd"), slow=True),
        Hostile("declared size", "8 EiB announced, nothing there", _declared),
        Hostile("million entries", "1 000 000 empty files", million_entries, slow=True),
        Hostile("deep", "1000 directories in each other", _deep),
    ]


def gzip_bomb(path: Path, size: int = 10 * GIB) -> None:
    """Write a gzip stream, a single member, of an image with a file of ``size`` zeros.

    The deflated zeros are one flushed block repeated, so that this takes no time; ``size`` is
    rounded down to 16 MiB.
    """
    chunk = 16 << 20
    count = size // chunk
    head = _bomb_head(count * chunk)
    tail = bytes(2 * BLOCKSIZE)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    begin = deflate.compress(head) + deflate.flush(zlib.Z_FULL_FLUSH)
    repeat = deflate.compress(bytes(chunk)) + deflate.flush(zlib.Z_FULL_FLUSH)
    end = deflate.compress(tail) + deflate.flush(zlib.Z_FINISH)
    total = len(head) + count * chunk + len(tail)
    crc = _crc_of_zeros(zlib.crc32(head), count * chunk + len(tail))
    with path.open("wb") as out:
        out.write(b"\x1f\x8b\x08\0\0\0\0\0\x02\xff")
        out.write(begin)
        for _ in range(count):
            out.write(repeat)
        out.write(end)
        out.write(crc.to_bytes(4, "little") + (total & 0xFFFFFFFF).to_bytes(4, "little"))


def stream_bomb(
    path: Path, compression: str, size: int = 10 * GIB, *, chunk: int = 64 << 20
) -> None:
    """Write the same as several concatenated xz, bzip2 or zstd streams (each format allows it)."""
    count = size // chunk
    parts = [_bomb_head(count * chunk), bytes(chunk), bytes(2 * BLOCKSIZE)]
    packed = []
    for part in parts:
        piece = path.with_suffix(".piece")
        with compressed(piece, compression) as out:
            out.write(part)
        packed.append(piece.read_bytes())
        piece.unlink()
    with path.open("wb") as out:
        out.write(packed[0])
        for _ in range(count):
            out.write(packed[1])
        out.write(packed[2])


def million_entries(path: Path, count: int = 1_000_000) -> None:
    """Write a gzipped image with ``count`` empty files in directories of 1000."""
    with compressed(path, "gzip", level=1) as out:
        _write_without_end(out, [MANIFEST, ROOTFS])
        for directory in range((count + 999) // 1000):
            _write_without_end(out, [Entry(f"rootfs/{directory:06d}", mode=0o755, type=DIRTYPE)])
            out.write(_numbered_headers(directory, min(1000, count - directory * 1000)))
        out.write(bytes(2 * BLOCKSIZE))


def _numbered_headers(directory: int, count: int) -> bytes:
    """Return headers of empty files by patching one: building each anew takes half a minute."""
    name = f"rootfs/{directory:06d}/0000"
    template = bytearray(tar_bytes([Entry(name)])[:BLOCKSIZE])
    base = int(template[148:154], 8)  # the checksum: octal, see tar(5)
    at = len(name) - 4
    out = bytearray()
    for number in range(count):
        digits = b"%04d" % number
        template[at : at + 4] = digits
        template[148:154] = b"%06o" % (base + sum(digits) - 4 * ord("0"))
        out += template
    return bytes(out)


def _declared(path: Path) -> None:
    with path.open("wb") as out:
        _write_without_end(out, [MANIFEST, ROOTFS])
        write_tar(out, [Entry("rootfs/big", size=8 * (1 << 60) - BLOCKSIZE)])


def _deep(path: Path) -> None:
    names = ["rootfs" + "/d" * depth for depth in range(1, 1001)]
    members(MANIFEST, ROOTFS, *(Entry(n, mode=0o755, type=DIRTYPE) for n in names))(path)


def _huge_manifest(path: Path) -> None:
    manifest = image_manifest("example.com/huge") | {"padding": "x" * (8 << 20)}
    members(manifest_entry(manifest), ROOTFS)(path)


def _bomb_head(size: int) -> bytes:
    out = io.BytesIO()
    _write_without_end(out, [MANIFEST, ROOTFS, Entry("rootfs/zeros", type=REGTYPE, size=size)])
    return out.getvalue()


def _write_without_end(out: IO[bytes], entries: Iterable[Entry]) -> None:
    out.write(tar_bytes(entries)[: -2 * BLOCKSIZE])


def _crc_of_zeros(crc: int, count: int) -> int:
    """Return the CRC-32 of what has ``crc``, followed by ``count`` zero bytes.

    One more zero bit is a linear map over GF(2); squaring it doubles the number of bits.
    """
    crc ^= 0xFFFFFFFF
    matrix = [0xEDB88320, *(1 << bit for bit in range(31))]  # the map of one zero bit
    bits = count * 8
    while bits:
        if bits & 1:
            crc = _times(matrix, crc)
        matrix = [_times(matrix, column) for column in matrix]
        bits >>= 1
    return crc ^ 0xFFFFFFFF


def _times(matrix: list[int], vector: int) -> int:
    total = 0
    for column in matrix:
        if vector & 1:
            total ^= column
        vector >>= 1
    return total
