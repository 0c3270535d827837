"""One layer on its way: what arrives, in which piece something is wrong, and what is said then."""

from __future__ import annotations

import gzip
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive.limits import ArchiveError
from rktpy.image.layered.blobs import checked
from rktpy.image.layered.documents import Descriptor, LayeredImageError
from rktpy.image.layered.unpacking import unpack_layer
from tests.support import archive
from tests.support.layouts import digest_of, layer, whiteout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rktpy.host.archive.ends import LayerOutcome

pytestmark = pytest.mark.integration
TAR = layer({"a": os.urandom(700_000), "d/.wh.x": whiteout(), "z": "1"})


def _unpack(root: Path, blob: bytes, *, diff_id: str = "", digest: str = "") -> LayerOutcome:
    """Unpack ``blob``, which comes in pieces and should have ``digest`` and ``diff_id``."""
    root.mkdir()
    arrived: list[int] = []
    described = Descriptor("", digest or digest_of(blob), len(blob))
    pieces: Iterator[bytes] = (blob[at : at + 50_000] for at in range(0, len(blob), 50_000))
    try:
        source = checked(pieces, described)
        return unpack_layer(str(root), source, diff_id or digest_of(TAR), arrived.append)
    finally:
        assert sum(arrived) == len(blob)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_layer_is_unpacked_while_it_arrives(tmp_path: Path, pack: type[bytes]) -> None:
    outcome = _unpack(tmp_path / "l", pack(TAR))

    assert sorted(os.listdir(tmp_path / "l")) == ["a", "d", "z"]
    assert (outcome.entries, outcome.ends.bare) == (5, (b"d",))


@pytest.mark.parametrize("tail", [b"", bytes(512), bytes(3 << 20), bytes(1024) + b"x" * (3 << 20)])
def test_what_stands_behind_the_last_member_does_not_matter(tmp_path: Path, tail: bytes) -> None:
    tar = TAR.rstrip(b"\0")
    tar += bytes(-len(tar) % 512) + tail  # umoci writes no end mark

    _unpack(tmp_path / "l", tar, diff_id=digest_of(tar))
    assert sorted(os.listdir(tmp_path / "l")) == ["a", "d", "z"]


@pytest.mark.parametrize("at", [300, 100_000, 701_000])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_other_bytes_are_told_as_that_wherever_they_are(
    tmp_path: Path, pack: type[bytes], at: int
) -> None:
    good = pack(TAR)
    bad = bytearray(good)
    bad[min(at, len(bad) - 1)] ^= 1

    with pytest.raises(LayeredImageError, match="has the digest sha256:"):
        _unpack(tmp_path / "l", bytes(bad), digest=digest_of(good))


def test_another_diff_id_is_told(tmp_path: Path) -> None:
    with pytest.raises(LayeredImageError, match="a layer unpacks to sha256:"):
        _unpack(tmp_path / "l", gzip.compress(TAR), diff_id="sha256:" + "0" * 64)


def test_a_diff_id_may_have_another_algorithm(tmp_path: Path) -> None:
    _unpack(tmp_path / "l", TAR, diff_id="sha512:" + hashlib.sha512(TAR).hexdigest())


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        (gzip.compress(TAR)[:-2000], "truncated gzip data"),
        (gzip.compress(TAR)[:10] + b"\xff" * 3000, "damaged gzip data"),
        (TAR[: len(TAR) // 2], "a layer unpacks to"),
        (b"no tar at all" * 100, "unknown image filetype"),
        (layer({"a": archive.device("c", 0, 0), "b": os.urandom(3 << 20)}), "not allowed"),
    ],
)
def test_a_blob_that_was_made_wrong_is_told(tmp_path: Path, blob: bytes, words: str) -> None:
    with pytest.raises((ArchiveError, LayeredImageError), match=words):
        _unpack(tmp_path / "l", blob)
