"""Unpacking of images: into the room by root, where all must stay, and checked only by others.

The process is the one that extracts, without the chroot that a worker has around the target: what
follows a link or a ``..`` gets out, and is seen.
"""

from __future__ import annotations

import os

from rktpy.host.archive.digest import tree_hash
from rktpy.host.archive.limits import Limits
from rktpy.host.archive.unpack import Layer, Order, Unpacker
from tests.fuzz import mutate_tar
from tests.fuzz.room import Room
from tests.fuzz.target import Target
from tests.fuzz.tars import in_memory, sample_tars

_LISTS = (frozenset({b"d/f", b"s"}), frozenset({b"d", b"d/f", b"x"}))
_LIMITS = Limits(entries=20_000, survey=1000)


class _Unpack:
    def __init__(self) -> None:
        self._room: Room | None = None

    def enter(self) -> None:
        self._room = Room()
        self._room.lock()

    def run(self, data: bytes) -> None:
        fd = in_memory(data)
        try:
            self._extract(fd)
            own, chain = _LISTS
            layers = (Layer(fd, own=own), Layer(fd, chain=(chain,)), Layer(fd))
            Unpacker(Order(layers, limits=_LIMITS)).run()
        finally:
            os.close(fd)

    def _extract(self, fd: int) -> None:
        room = self._room
        target = room.fresh() if room else ""
        try:
            outcome = Unpacker(Order((Layer(fd),), target=target, limits=_LIMITS)).run()
        finally:
            if room:
                room.check()
        if room:
            assert outcome.tree_hash == tree_hash(target)


_unpack = _Unpack()
TARGET = Target(
    _unpack.run, sample_tars, mutate_tar.change, mutate_tar.stretch, enter=_unpack.enter
)
