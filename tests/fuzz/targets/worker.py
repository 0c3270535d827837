"""An import's way from the packed file to the tree, with the real worker in its chroot.

Needs root; for others the worker checks only.
"""

from __future__ import annotations

import gzip
import os

from rktpy.host.archive.digest import tree_hash
from rktpy.host.archive.intake import of_file, take_in
from rktpy.host.archive.limits import Limits
from rktpy.host.archive.unpack import Order
from tests.fuzz import mutate_tar
from tests.fuzz.room import Room
from tests.fuzz.target import Target
from tests.fuzz.tars import in_memory, sample_tars

_LIMITS = Limits(entries=20_000, survey=1000)


class _Import:
    def __init__(self) -> None:
        self._room: Room | None = None

    def enter(self) -> None:
        self._room = Room()

    def run(self, data: bytes) -> None:
        room = self._room
        target = room.fresh() if room else ""
        packed = gzip.compress(data, 1, mtime=0) if len(data) % 3 == 0 else data
        source, blob = in_memory(packed), in_memory(b"")
        try:
            taken = take_in(of_file(source), blob, Order((), target=target, limits=_LIMITS))
        finally:
            os.close(source)
            os.close(blob)
            if room:
                room.check()
        assert taken.size == len(data)
        if room:
            assert taken.outcome.tree_hash == tree_hash(target)


_import = _Import()
TARGET = Target(
    _import.run, sample_tars, mutate_tar.change, mutate_tar.stretch, enter=_import.enter
)
