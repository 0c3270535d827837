"""One layer unpacked alone, in overlayfs's form: into the room by root, where all must stay.

Others do nothing here: this way of unpacking always writes.
"""

from __future__ import annotations

import os
import stat

from rktpy.host.archive.digest import tree_hash
from rktpy.host.archive.layer import LayerUnpacker
from rktpy.host.archive.limits import Limits
from rktpy.host.archive.reader import GrowingFile, TarReader
from tests.fuzz import mutate_tar
from tests.fuzz.room import Room
from tests.fuzz.target import Target
from tests.fuzz.targets.squash import layer_seeds
from tests.fuzz.tars import in_memory

_LIMITS = Limits(entries=20_000, survey=1000)


class _Layer:
    def __init__(self) -> None:
        self._room: Room | None = None

    def enter(self) -> None:
        self._room = Room()
        self._room.lock()

    def run(self, data: bytes) -> None:
        if self._room is None:
            return
        target = self._room.fresh()
        fd = in_memory(data)
        unpacker = LayerUnpacker(_LIMITS)
        try:
            outcome = unpacker.run(TarReader(GrowingFile(fd), _LIMITS))
        finally:
            os.close(fd)
            self._room.check()
        for path in unpacker.opaque:
            os.setxattr(path or b".", "trusted.overlay.opaque", b"y", follow_symlinks=False)
        assert outcome.tree_hash == tree_hash(target)
        for path, _target in outcome.ends.links:
            info = os.lstat(path)
            assert stat.S_ISREG(info.st_mode)
            assert info.st_size == 0
        for path in (*outcome.ends.implied, *outcome.ends.bare):
            assert stat.S_ISDIR(os.lstat(path or b".").st_mode)


_layer = _Layer()
TARGET = Target(_layer.run, layer_seeds, mutate_tar.change, mutate_tar.stretch, enter=_layer.enter)
