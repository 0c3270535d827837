"""Small archives that targets begin with, and a place in memory to read them from."""

from __future__ import annotations

import os
from tarfile import CHRTYPE, DIRTYPE, FIFOTYPE, LNKTYPE, SYMTYPE

from tests.support.archive import Entry, tar_bytes
from tests.support.images import image_manifest, manifest_entry

ROOTFS = Entry("rootfs", mode=0o755, type=DIRTYPE)
MANIFEST = manifest_entry(image_manifest("example.com/app"))


def sample_members(prefix: str = "") -> list[Entry]:
    """Return one member of each kind, with names below ``prefix``."""
    return [
        Entry(f"{prefix}d", mode=0o2755, type=DIRTYPE, uid=7),
        Entry(f"{prefix}d/f", data=b"content", mode=0o4755),
        Entry(f"{prefix}d/h", type=LNKTYPE, linkname=f"{prefix}d/f"),
        Entry(f"{prefix}s", type=SYMTYPE, linkname="../../canary"),
        Entry(f"{prefix}p", type=FIFOTYPE),
        Entry(f"{prefix}null", type=CHRTYPE, device=(1, 3)),
        Entry(f"{prefix}{'long/' * 30}x", data=b"x" * 1000),
        Entry(f"{prefix}x", pax={"SCHILY.xattr.user.a": "b", "mtime": "1.5"}),
        Entry(f"{prefix}i/m/plied", data=b""),
    ]


def sample_tars() -> list[bytes]:
    """Return a good image, one with little in it, and an empty archive."""
    return [
        tar_bytes([MANIFEST, ROOTFS, *sample_members("rootfs/")]),
        tar_bytes([MANIFEST, ROOTFS]),
        tar_bytes([]),
    ]


def in_memory(data: bytes) -> int:
    """Return a descriptor of a file with ``data``, at its start, for the caller to close."""
    fd = os.memfd_create("fuzz", os.MFD_CLOEXEC)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
