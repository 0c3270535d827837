"""What archives are wrapped in: gzip, bzip2, xz, zstd; also several one after the other."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os

from rktpy.host.archive import formats
from rktpy.host.archive.limits import Limits
from tests.fuzz.mutate import text
from tests.fuzz.target import MIB, Target
from tests.fuzz.tars import in_memory, sample_tars

_PIECE = 1 << 18
_LIMITS = Limits(stream=64 << 20, ratio_from=8 << 20)


def _seeds() -> list[bytes]:
    import zstandard

    tar = sample_tars()[0]
    packed = [
        gzip.compress(tar, mtime=0),
        bz2.compress(tar),
        lzma.compress(tar, preset=0),
        zstandard.compress(tar),
        tar,
    ]
    small = [gzip.compress(b"", mtime=0), bz2.compress(b""), lzma.compress(b""),
    zstandard.compress(b"")]  # fmt: skip
    return [*packed, *small, *(one + one for one in packed), packed[0] + small[0] + b"\0" * 600]


def _run(data: bytes) -> None:
    fd = in_memory(data)
    try:
        size = 0
        for piece in formats.pieces(formats.of_file(fd), formats.detect(data[: formats.SNIFFED])):
            assert 0 < len(piece.data) <= _PIECE
            size += len(piece.data)
            _LIMITS.check_stream(size, piece.consumed)
    finally:
        os.close(fd)


# xz and zstd ask for as much memory as the stream says; both are told how much they may.
TARGET = Target(_run, _seeds, text(b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0"), memory=256 * MIB)
