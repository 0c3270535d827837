"""Unwrapping: every compression, several members, damage, and pieces that stay small."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from typing import TYPE_CHECKING

import pytest
import zstandard

from rktpy.host.archive.formats import PIECE, Stream, detect, of_file, pieces
from rktpy.host.archive.limits import ArchiveError, ArchiveLimitError, Limits
from tests.support.archive import Entry, tar_bytes
from tests.unit.host.archive.tars import opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Packer = Callable[[bytes], bytes]

PACKERS: dict[str, Packer] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}
TAR = tar_bytes([Entry("f", os.urandom(100_000))])


def _unpacked(directory: Path, data: bytes) -> bytes:
    kind = detect(data[:512])
    return b"".join(piece.data for piece in pieces(of_file(opened(directory, data)), kind))


def test_a_plain_tar_passes_through(tmp_path: Path) -> None:
    assert _unpacked(tmp_path, TAR) == TAR


@pytest.mark.parametrize("kind", PACKERS)
def test_each_compression_is_recognised_and_undone(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](TAR)

    assert detect(packed[:512]) == kind
    assert _unpacked(tmp_path, packed) == TAR


@pytest.mark.parametrize("kind", PACKERS)
def test_several_members_are_one_stream(tmp_path: Path, kind: str) -> None:
    pack = PACKERS[kind]

    assert _unpacked(tmp_path, pack(TAR[:5000]) + pack(TAR[5000:])) == TAR


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_padding_after_the_last_member_is_ignored(tmp_path: Path, kind: str) -> None:
    assert _unpacked(tmp_path, PACKERS[kind](TAR) + bytes(300_000)) == TAR


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_a_stream_that_ends_early_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ArchiveError, match=f"truncated {kind} data"):
        _unpacked(tmp_path, PACKERS[kind](TAR)[:-20])


@pytest.mark.parametrize("kind", PACKERS)
def test_damage_is_refused(tmp_path: Path, kind: str) -> None:
    packed = bytearray(PACKERS[kind](TAR))
    packed[len(packed) // 2] ^= 0x55
    packed[-6] ^= 0x55

    if kind == "zstd":  # our packer writes no checksum: the archive inside has to notice
        packed[4:12] = b"\xff" * 8
    with pytest.raises(ArchiveError, match=kind):
        _unpacked(tmp_path, bytes(packed))


@pytest.mark.parametrize("kind", PACKERS)
def test_pieces_stay_small_however_much_comes_out(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](bytes(3 << 20))
    sizes = [len(piece.data) for piece in pieces(of_file(opened(tmp_path, packed)), kind)]

    assert (sum(sizes), max(sizes) <= PIECE) == (3 << 20, True)


@pytest.mark.parametrize("data", [b"", b"hello" * 200, bytes(10_240), b"ustar" + bytes(600)])
def test_anything_else_is_unknown(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="error: unknown image filetype"):
        detect(data[:512])


def test_a_bomb_is_noticed_by_its_ratio() -> None:
    limits = Limits(ratio=100, ratio_from=1000)

    limits.check_stream(1000, 1)
    limits.check_stream(100_000, 1000)
    with pytest.raises(ArchiveLimitError, match="decompression bomb"):
        limits.check_stream(100_001, 1000)


def test_a_stream_without_end_is_stopped() -> None:
    with pytest.raises(ArchiveLimitError, match="larger than 10 bytes"):
        Limits(stream=10).check_stream(11, 11)


@pytest.mark.parametrize("length", [1, 300, 512, 5000])
def test_a_stream_can_be_looked_at_before_it_is_read(length: int) -> None:
    parts = (TAR[at : at + length] for at in range(0, len(TAR), length))
    stream = Stream(parts)

    assert stream.head() == TAR[:512]
    found = list(iter(lambda: stream.read(700), b""))
    assert (b"".join(found), max(map(len, found)) <= 700) == (TAR, True)
