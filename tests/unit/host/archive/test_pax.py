"""What extended headers say, and how much of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive import pax
from rktpy.host.archive.limits import ArchiveError, ArchiveLimitError
from tests.support.archive import Entry, tar_bytes
from tests.unit.host.archive.tars import read

if TYPE_CHECKING:
    from pathlib import Path


def _record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    while len(b"%d " % length) + len(key) + len(value) + 2 != length:
        length += 1
    return b"%d %b=%b\n" % (length, key, value)


def _added(*texts: bytes, shared: bool = False) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    for text in texts:
        pax.add(records, text, shared=shared)
    return records


def test_only_what_changes_a_member_is_kept() -> None:
    text = _record(b"path", b"a") + _record(b"comment", b"x" * 100_000) + _record(b"ctime", b"1")

    assert _added(text) == {b"path": b"a"}


def test_headers_before_one_member_cannot_fill_the_memory() -> None:
    texts = [_record(b"SCHILY.xattr.user.%d" % n, b"x" * 100_000) for n in range(11)]

    with pytest.raises(ArchiveLimitError):
        _added(*texts)


def test_what_is_said_of_all_members_is_little() -> None:
    texts = [_record(b"SCHILY.xattr.user.%d" % n, b"") for n in range(65)]

    assert len(_added(*texts)) == 65
    with pytest.raises(ArchiveLimitError):
        _added(*texts, shared=True)


def test_an_attribute_cannot_have_a_nul_in_its_name(tmp_path: Path) -> None:
    member = Entry("a", pax={"SCHILY.xattr.user.a\0b": "c"})

    with pytest.raises(ArchiveError, match="NUL"):
        read(tmp_path, tar_bytes([member]))


@pytest.mark.parametrize("device", [(1 << 12, 0), (0, 1 << 20)])
def test_a_device_number_is_one_of_this_kernel(tmp_path: Path, device: tuple[int, int]) -> None:
    member = Entry("a", type=b"3", device=device)

    with pytest.raises(ArchiveError, match="out of range"):
        read(tmp_path, tar_bytes([member]))
