"""Small archives for tests of the reader, written to files a descriptor can be opened on."""

from __future__ import annotations

import os
from tarfile import DIRTYPE
from typing import TYPE_CHECKING

from rktpy.host.archive.limits import Devices, Limits
from rktpy.host.archive.reader import GrowingFile, Member, TarReader
from rktpy.host.archive.unpack import Layer, Order, Outcome, Unpacker
from tests.support.archive import Entry, tar_bytes
from tests.support.images import image_manifest, manifest_entry

if TYPE_CHECKING:
    from pathlib import Path

ROOTFS = Entry("rootfs", mode=0o755, type=DIRTYPE)
MANIFEST = manifest_entry(image_manifest("example.com/app"))


def opened(directory: Path, data: bytes) -> int:
    """Return a descriptor of a file holding ``data``; it closes with the test process."""
    path = directory / f"{os.urandom(6).hex()}.tar"
    path.write_bytes(data)
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def read(directory: Path, data: bytes, limits: Limits | None = None) -> list[Member]:
    """Return the members of the archive ``data``."""
    reader = TarReader(GrowingFile(opened(directory, data)), limits or Limits())
    return list(reader.members())


def check(directory: Path, *entries: Entry, limits: Limits | None = None) -> Outcome:
    """Check an image made of ``entries`` without extracting it."""
    return check_bytes(directory, tar_bytes(entries), limits=limits)


def check_bytes(
    directory: Path,
    data: bytes,
    *,
    limits: Limits | None = None,
    devices: str = Devices.LISTED,
) -> Outcome:
    layer = Layer(opened(directory, data))
    return Unpacker(Order(layers=(layer,), limits=limits or Limits(), devices=devices)).run()
