"""Writes trees as tar streams: ustar, and pax records for what ustar cannot say.

The same tree always gives the same bytes: entries stand in the order of their names, and nothing
but the tree goes in. It may belong to a stranger and change while it is read: every entry is
looked at before it is opened, no link is followed, a device or fifo is never opened. Memory holds
the names of the open directories and one entry for each file with several hard links.
"""

from __future__ import annotations

import errno
import os
import stat
import struct

from rktpy.host.archive.limits import ArchiveLimitError, shown
from rktpy.host.archive.reader import (
    BLOCK,
    BLOCK_DEVICE,
    CHAR,
    DIR,
    FIFO,
    FILE,
    LINK,
    PIECE,
    SYMLINK,
    Member,
)
from rktpy.host.tree.xattrs import keeps_xattr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[[bytes], object]

MAX_DEPTH = 250  # directories; each level holds two descriptors, and no importer takes more

_HEADER = struct.Struct("100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x")
_FLAGS = {FILE: b"0", LINK: b"1", SYMLINK: b"2", CHAR: b"3", BLOCK_DEVICE: b"4", DIR: b"5",
          FIFO: b"6"}  # fmt: skip
_KINDS = {stat.S_IFREG: FILE, stat.S_IFLNK: SYMLINK, stat.S_IFCHR: CHAR, stat.S_IFBLK: BLOCK_DEVICE,
          stat.S_IFDIR: DIR, stat.S_IFIFO: FIFO}  # fmt: skip
_PAX = b"x"
_LONGEST = 100  # bytes of a name in ustar
_SECOND = 1_000_000_000
_ZEROS = b"\0" * (1 << 16)
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def header(member: Member) -> bytes:
    """Return the blocks that stand before the data of ``member``."""
    name = member.name + b"/" if member.kind == DIR else member.name
    size = member.size if member.kind == FILE else 0
    records = {b"SCHILY.xattr." + key: value for key, value in member.xattrs.items()}
    texts = {b"path": name, b"linkpath": member.link}
    records |= {key: text for key, text in texts.items() if len(text) > _LONGEST}
    numbers = {b"uid": (member.uid, 7), b"gid": (member.gid, 7), b"size": (size, 11)}
    for key, (value, digits) in numbers.items():
        if value >= 8**digits:
            records[key] = b"%d" % value
    if member.mtime % _SECOND or not 0 <= member.mtime < 8**11 * _SECOND:
        sign = b"-" if member.mtime < 0 else b""
        records[b"mtime"] = sign + b"%d.%09d" % divmod(abs(member.mtime), _SECOND)
    blocks = b""
    if records:
        text = b"".join(_record(key, records[key]) for key in sorted(records))
        blocks = _block(Member(b"PaxHeaders", FILE), b"PaxHeaders", _PAX, len(text)) + _pad(text)
    return blocks + _block(member, name, _FLAGS[member.kind], size)


class TarWriter:
    """One tar stream, handed to ``put`` in pieces; ``finish`` ends it.

    ``device_nodes`` false leaves devices out. ``warnings`` says what was left out.
    """

    def __init__(self, put: Put, *, device_nodes: bool = True) -> None:
        self.warnings: list[str] = []
        self._put = put
        self._device_nodes = device_nodes
        self._linked: dict[tuple[int, int], bytes] = {}
        # Opens again, for reading, what was looked at: in this /proc, wherever we chroot later.
        self._proc = os.open("/proc/self/fd", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def document(self, name: bytes, data: bytes, mtime: int) -> None:
        """Add a file of root's from memory."""
        member = Member(name, FILE)
        member.mode, member.size, member.mtime = 0o644, len(data), mtime
        self._put(header(member))
        self._put(_pad(data))

    def tree(self, fd: int, name: bytes) -> None:
        """Add what ``fd`` (``O_PATH``) is, and all below it, as ``name``; closes ``fd``.

        Raises:
            ArchiveLimitError: it is too deep.
            OSError: something cannot be read; the stream is of no use then.
        """
        self._entry(fd, name, 0, -1)

    def finish(self) -> None:
        """Write the end mark."""
        self._put(b"\0" * BLOCK * 2)

    def _entry(self, fd: int, name: bytes, depth: int, device: int) -> None:
        try:
            info = os.fstat(fd)
            member = self._member(fd, name, info)
            if member is None:
                return
            if member.kind == FILE:
                self._file(fd, member)
            elif member.kind == DIR:
                self._dir(fd, member, depth, info.st_dev, empty=_is_kernels(info, device))
            else:
                self._put(header(member))
        finally:
            os.close(fd)

    def _member(self, fd: int, name: bytes, info: os.stat_result) -> Member | None:
        kind = _KINDS.get(stat.S_IFMT(info.st_mode))
        if kind is None:
            return None  # a socket: it means nothing without its process
        if kind in (CHAR, BLOCK_DEVICE) and not (self._device_nodes and info.st_rdev):
            self._warn(f"leaving out device node {shown(name)}")
            return None
        member = Member(name, kind)
        member.mode = stat.S_IMODE(info.st_mode)
        member.uid, member.gid, member.mtime = info.st_uid, info.st_gid, info.st_mtime_ns
        if kind != DIR and info.st_nlink > 1:
            first = self._linked.setdefault((info.st_dev, info.st_ino), name)
            if first != name:
                member.kind, member.link = LINK, first
                return member
        if kind == FILE:
            member.size = info.st_size
        elif kind == SYMLINK:
            member.link = os.readlink(b"", dir_fd=fd)
        elif kind in (CHAR, BLOCK_DEVICE):
            member.device = (os.major(info.st_rdev), os.minor(info.st_rdev))
        return member

    def _dir(self, fd: int, member: Member, depth: int, device: int, *, empty: bool) -> None:
        if depth > MAX_DEPTH:
            raise ArchiveLimitError(
                f"{shown(member.name)} is more than {MAX_DEPTH} directories deep"
            )
        opened = self._open(fd, os.O_DIRECTORY)
        try:
            member.xattrs = _xattrs(opened)
            self._put(header(member))
            for name in () if empty else sorted(map(os.fsencode, os.listdir(opened))):
                try:
                    entry = os.open(name, _LOOK, dir_fd=opened)
                except FileNotFoundError:
                    continue  # gone since we listed it
                self._entry(entry, member.name + b"/" + name, depth + 1, device)
        finally:
            os.close(opened)

    def _file(self, fd: int, member: Member) -> None:
        opened = self._open(fd, os.O_NONBLOCK)
        try:
            member.xattrs = _xattrs(opened)
            self._put(header(member))
            self._content(opened, member.size)
            self._zeros(-member.size % BLOCK)
        finally:
            os.close(opened)

    def _content(self, fd: int, size: int) -> None:
        """Write exactly ``size`` bytes: the header has promised them. Holes are not read."""
        position = 0
        sparse = os.fstat(fd).st_blocks * 512 < size
        while position < size:
            start, end = _next_data(fd, position, size) if sparse else (position, size)
            self._zeros(start - position)
            position = start
            while position < end:
                piece = os.pread(fd, min(PIECE, end - position), position)
                if not piece:
                    self._zeros(size - position)  # it has become shorter
                    return
                self._put(piece)
                position += len(piece)

    def _zeros(self, count: int) -> None:
        while count > 0:
            self._put(_ZEROS[:count])
            count -= len(_ZEROS)

    def _open(self, fd: int, flags: int) -> int:
        return os.open(str(fd), os.O_RDONLY | os.O_CLOEXEC | flags, dir_fd=self._proc)

    def _warn(self, text: str) -> None:
        self.warnings.append(text)


def _is_kernels(info: os.stat_result, parent: int) -> bool:
    """Return whether this is where /proc or /sys begins: an archive of them has no end and no use.

    Only on the way down: who asks for a directory below them gets it.
    """
    if parent in (-1, info.st_dev):
        return False
    for name in ("/proc", "/sys"):
        try:
            if os.stat(name).st_dev == info.st_dev:
                return True
        except OSError:
            continue
    return False


def _next_data(fd: int, position: int, size: int) -> tuple[int, int]:
    """Return start and end of the next part of a sparse file that is no hole."""
    try:
        start = os.lseek(fd, position, os.SEEK_DATA)
        return min(start, size), min(os.lseek(fd, start, os.SEEK_HOLE), size)
    except OSError as error:
        if error.errno != errno.ENXIO:  # nothing but a hole up to the end
            raise
        return size, size


def _xattrs(fd: int) -> dict[bytes, bytes]:
    """Return the attributes that an image may have."""
    try:
        names = os.listxattr(fd)
    except OSError:
        return {}
    found = {}
    for text in names:
        name = os.fsencode(text)
        if keeps_xattr(name) and b"=" not in name:  # pax has no escape for it
            try:
                found[name] = os.getxattr(fd, text)
            except OSError:
                continue  # removed since we listed it
    return found


def _record(key: bytes, value: bytes) -> bytes:
    """Return ``<length> key=value\\n``; the length counts itself."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while (total := len(rest) + len(b"%d" % length)) != length:
        length = total
    return b"%d" % length + rest


def _block(member: Member, name: bytes, flag: bytes, size: int) -> bytes:
    seconds = member.mtime // _SECOND
    fields = [
        name[:_LONGEST],
        b"%07o\0" % member.mode,
        b"%07o\0" % (member.uid if member.uid < 8**7 else 0),
        b"%07o\0" % (member.gid if member.gid < 8**7 else 0),
        b"%011o\0" % (size if size < 8**11 else 0),
        b"%011o\0" % (seconds if 0 <= seconds < 8**11 else 0),
        b" " * 8,
        flag,
        member.link[:_LONGEST],
        b"ustar\0",
        b"00",
        b"",
        b"",
        b"%07o\0" % member.device[0],
        b"%07o\0" % member.device[1],
        b"",
    ]
    fields[6] = b"%06o\0 " % sum(_HEADER.pack(*fields))
    return _HEADER.pack(*fields)


def _pad(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % BLOCK)
