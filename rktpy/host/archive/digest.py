"""The content hash of a directory tree, version ``v1``.

Each entry has a record: kind, mode, owner, size and CRC-32 of the data or link target or device
number, extended attributes; BLAKE2b-256 of it is the entry's digest. The hash of the tree is
SHA-512 over names and digests in byte order. Covered: everything an app can see but times and
which names are hard links of one file. Sockets are left out, as in rkt. Overlayfs's marks count
too: a deleted name is a device, an opaque directory has an attribute that no image may bring along.

It finds accidents: a failing disk, a stray write, a half-deleted tree. It is no defence against
somebody who can write to the store, as they can write the recorded hash too; the image itself is
guarded by its SHA-512. Hence CRC-32 for file data: a cryptographic hash there would make every
import a quarter slower (measured) and protect nothing more.
"""

from __future__ import annotations

import hashlib
import os
import stat

try:
    from isal.isal_zlib import crc32 as crc32  # thirty times as fast as zlib's
except ImportError:
    from zlib import crc32 as crc32

from rktpy.host.tree.xattrs import keeps_xattr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "v1"
OPAQUE = b"trusted.overlay.opaque"  # of a directory that hides what is below it
OPAQUE_VALUE = b"y"
_PIECE = 1 << 20
_KINDS = {
    stat.S_IFREG: b"f", stat.S_IFDIR: b"d", stat.S_IFLNK: b"l",
    stat.S_IFCHR: b"c", stat.S_IFBLK: b"b", stat.S_IFIFO: b"p",
}  # fmt: skip


def entry_digest(
    kind: bytes, mode: int, owner: tuple[int, int], detail: bytes, xattrs: Mapping[bytes, bytes]
) -> bytes:
    """Return the digest of one entry.

    ``detail`` is ``file_detail`` of a file, a link's target, ``major:minor`` of a device.
    """
    parts = [b"%b %o %d:%d %d " % (kind, mode, *owner, len(detail)), detail]
    parts.extend(b" %d %d " % (len(k), len(xattrs[k])) + k + xattrs[k] for k in sorted(xattrs))
    return hashlib.blake2b(b"".join(parts), digest_size=32).digest()


def file_detail(size: int, crc: int) -> bytes:
    """Return what stands for the content of a regular file; ``crc`` is ``crc32`` of it."""
    return b"%d %08x" % (size, crc)


def opaque_digest(path: bytes) -> bytes:
    """Return what will be the digest of the directory ``path`` when it is marked opaque."""
    info = os.lstat(path)
    xattrs = _xattrs(path) | {OPAQUE: OPAQUE_VALUE}
    owner = (info.st_uid, info.st_gid)
    return entry_digest(b"d", stat.S_IMODE(info.st_mode), owner, b"", xattrs)


def combine(entries: Mapping[bytes, bytes]) -> str:
    """Return the hash of a tree from the digest of each path (root-relative, root is ``b""``)."""
    whole = hashlib.sha512()
    for name in sorted(entries):
        whole.update(b"%d " % len(name) + name + entries[name])
    return f"{VERSION}:{whole.hexdigest()[:64]}"


def tree_hash(root: str) -> str:
    """Return the content hash of the directory ``root`` by reading all of it.

    Raises:
        OSError: something in it cannot be read.
    """
    base = os.fsencode(root)
    entries: dict[bytes, bytes] = {}
    linked: dict[tuple[int, int], bytes] = {}
    pending = [b""]
    while pending:
        name = pending.pop()
        path = base + b"/" + name if name else base
        info = os.lstat(path)
        kind = _KINDS.get(stat.S_IFMT(info.st_mode))
        if kind is None:
            continue
        if kind == b"d":
            prefix = name + b"/" if name else b""
            pending.extend(prefix + child for child in os.listdir(path))
        inode = (info.st_dev, info.st_ino)
        known = linked.get(inode) if info.st_nlink > 1 and kind != b"d" else None
        entries[name] = known or _digest(path, kind, info)
        if info.st_nlink > 1 and kind != b"d":
            linked[inode] = entries[name]
    return combine(entries)


def _digest(path: bytes, kind: bytes, info: os.stat_result) -> bytes:
    detail = b""
    mode = stat.S_IMODE(info.st_mode)
    if kind == b"f":
        detail = file_detail(info.st_size, _crc(path))
    elif kind == b"l":
        detail, mode = os.readlink(path), 0
    elif kind in b"cb":
        detail = b"%d:%d" % (os.major(info.st_rdev), os.minor(info.st_rdev))
    xattrs = _xattrs(path) if kind in b"fd" else {}
    return entry_digest(kind, mode, (info.st_uid, info.st_gid), detail, xattrs)


def _crc(path: bytes) -> int:
    crc = 0
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while piece := os.read(fd, _PIECE):
            crc = crc32(piece, crc)
    finally:
        os.close(fd)
    return crc


def _xattrs(path: bytes) -> dict[bytes, bytes]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}  # a filesystem without them
    return {
        os.fsencode(name): os.getxattr(path, name, follow_symlinks=False)
        for name in names
        if keeps_xattr(os.fsencode(name)) or os.fsencode(name) == OPAQUE
    }
