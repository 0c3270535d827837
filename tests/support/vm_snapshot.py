"""Guests that have booted and hold images, to go on from: made once, taken up in a second.

guest-<key>/            in the cache, by the hash of all that is in the guest and of the machine
├── disk                raw, sparse; below the overlay of each guest
├── ram                 its memory, sparse; a guest maps it and keeps its writes to itself
├── devices             the rest of the machine, as QEMU migrates it
└── sums.json           sizes and checksums of the three

Guests of one snapshot begin alike to the bit: their kernels also give the same random numbers at
first, so two of them agree on UUIDs, and so does a guest with itself when it is made again.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.support import agent, cache, host_image, pods_on_host, qemu, remote, vm, vm_kernel
from tests.support.pods_on_host import Pods

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Builder = Callable[[Path], object]

_PARTS = ("disk", "ram", "devices")
# Whose text decides what is in a snapshot, beside the trees of the host and the images.
_SOURCES = (__file__, agent.__file__, host_image.__file__, pods_on_host.__file__, qemu.__file__,
            remote.__file__, vm.__file__)  # fmt: skip


@functools.cache
def taken(*builders: Builder, cgroups: str = qemu.UNIFIED) -> str:
    """Return the snapshot of a guest whose store has what ``builders`` write; make it if needed."""
    lowers, kernel = host_image.lowers(), vm_kernel.kernel_files()
    sources = [_digest(name) for name in _SOURCES]
    machine = [qemu.version(), qemu.machine(kernel, cgroups)]
    key = cache.key_of([lowers, sources, machine, _digests(builders)])

    def fill(path: str) -> None:
        with vm.VmHost(lowers=lowers, cgroups=cgroups, ram=f"{path}/ram") as host:
            Pods(host).stock(*builders)
            host.freeze(path)
        seal(path)

    return cache.built("guest", key, fill, is_sound=is_sound)


def seal(path: str) -> None:
    """Note what the snapshot in ``path`` consists of, now that it is complete."""
    Path(path, "sums.json").write_text(json.dumps(_sums(path)))


def is_sound(path: str) -> bool:
    """Return whether the snapshot in ``path`` is what was written: a machine that lost power may
    have kept its name only.
    """
    try:
        noted = json.loads(Path(path, "sums.json").read_text())
        return bool(noted == _sums(path))
    except (OSError, ValueError):
        return False


def _sums(path: str) -> dict[str, list[int]]:
    return {name: _sum(f"{path}/{name}") for name in _PARTS}


def _sum(name: str) -> list[int]:
    """Return the size of a file, and a checksum of its data and where they are."""
    value = 0
    with open(name, "rb", buffering=0) as file:
        for start, end in _extents(file.fileno()):
            value = zlib.crc32(b"%d-%d" % (start, end), value)
            for offset in range(start, end, 1 << 20):
                value = zlib.crc32(
                    os.pread(file.fileno(), min(1 << 20, end - offset), offset), value
                )
        return [os.fstat(file.fileno()).st_size, value]


def _extents(fd: int) -> Iterator[tuple[int, int]]:
    """Yield where a sparse file has data, from start to end."""
    size, end = os.fstat(fd).st_size, 0
    while end < size:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError:  # nothing but a hole is left
            return
        end = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, end


def _digests(builders: tuple[Builder, ...]) -> list[list[str]]:
    with TemporaryDirectory() as directory:
        found = []
        for build in builders:
            path = Path(directory, build.__name__)
            build(path)
            found.append([build.__name__, _digest(str(path))])
        return found


def _digest(name: str) -> str:
    return hashlib.sha256(Path(name).read_bytes()).hexdigest()
