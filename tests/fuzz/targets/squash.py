"""Layers with whiteouts made into one image, which an import takes or refuses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rktpy.host.archive.limits import Limits
from rktpy.host.archive.reader import GrowingFile, TarReader
from rktpy.host.archive.squash import _Squasher
from rktpy.host.archive.unpack import Layer, Order, Unpacker
from tests.fuzz import mutate_tar
from tests.fuzz.target import Target
from tests.fuzz.tars import in_memory, sample_members
from tests.support.archive import Entry, tar_bytes

if TYPE_CHECKING:
    from random import Random

_BETWEEN = b"\xff<layer>\xff"
_LIMITS = Limits(entries=20_000, survey=1000)


def layer_seeds() -> list[bytes]:
    """Return a layer with a bit of everything, and one that deletes much of it."""
    marks = [Entry(".wh.s"), Entry("d/.wh..wh..opq"), Entry("d/new", data=b"x")]
    return [tar_bytes(sample_members()), tar_bytes(marks)]


def _seeds() -> list[bytes]:
    base, marks = layer_seeds()
    return [base, _BETWEEN.join((base, marks)), _BETWEEN.join((base, marks, base))]


def _change(data: bytes, random: Random) -> bytes:
    layers = data.split(_BETWEEN)
    at = random.randrange(len(layers))
    if random.randrange(10) == 0:
        layers.insert(at, layers[at])
    layers[at] = mutate_tar.change(layers[at], random)
    return _BETWEEN.join(layers)


def _stretch(data: bytes, random: Random) -> bytes:
    layers = data.split(_BETWEEN)
    at = random.randrange(len(layers))
    layers[at] = mutate_tar.stretch(layers[at], random)
    return _BETWEEN.join(layers)


def _run(data: bytes) -> None:
    layers = [in_memory(layer) for layer in data.split(_BETWEEN)[:8]]
    outs = [in_memory(b""), in_memory(b"")]
    try:
        for out in outs:
            squasher = _Squasher(_LIMITS)
            for fd in layers:
                squasher.apply(TarReader(GrowingFile(fd), _LIMITS))
            squasher.write(out, b"{}")
        size = os.fstat(outs[0]).st_size
        assert os.pread(outs[0], size, 0) == os.pread(outs[1], size + 1, 0)
        Unpacker(Order((Layer(outs[0]),), limits=_LIMITS)).run()
    finally:
        for fd in (*layers, *outs):
            os.close(fd)


TARGET = Target(_run, _seeds, _change, _stretch)
