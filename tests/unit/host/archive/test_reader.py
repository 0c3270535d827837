"""The tar reader against tarfile's writer, and against what tarfile would let pass."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.host.archive.limits import ArchiveError, ArchiveLimitError, Limits
from rktpy.host.archive.reader import DIR, FILE, SYMLINK, GrowingFile, TarReader, announce
from tests.support.archive import Entry, tar_bytes
from tests.unit.host.archive.tars import opened, read

if TYPE_CHECKING:
    from pathlib import Path


def _tar(form: int, *members: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return out.getvalue()


def _info(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_each_format_gives_the_same_member(tmp_path: Path, form: int) -> None:
    info = _info("dir/" + "n" * 90 + "/file", size=700, mode=0o4755, uid=5, gid=6, mtime=77)

    (member,) = read(tmp_path, _tar(form, info))

    assert member.name == info.name.encode()
    assert (member.kind, member.size, member.mode) == (FILE, 700, 0o4755)
    assert (member.uid, member.gid, member.mtime) == (5, 6, 77 * 10**9)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_targets_survive(tmp_path: Path, form: int) -> None:
    link = _info("a/" * 200 + "l", type=tarfile.SYMTYPE, linkname="t/" * 300)

    (member,) = read(tmp_path, _tar(form, link))

    assert member.name == b"a/" * 200 + b"l"
    assert (member.kind, member.link) == (SYMLINK, b"t/" * 300)


def test_base_256_numbers_are_read(tmp_path: Path) -> None:
    (member,) = read(tmp_path, _tar(tarfile.GNU_FORMAT, _info("f", uid=3_000_000, mtime=2**34)))

    assert member.uid == 3_000_000
    assert member.mtime == 2**33 * 10**9  # clamped to what file systems hold


def test_pax_times_have_nanoseconds_and_attributes_keep_bytes(tmp_path: Path) -> None:
    entry = Entry("f", pax={"mtime": "12.000000034", "SCHILY.xattr.user.a": "b\0c"})

    (member,) = read(tmp_path, tar_bytes([entry]))

    assert member.mtime == 12_000_000_034
    assert member.xattrs == {b"user.a": b"b\0c"}


def test_a_global_header_holds_until_overridden(tmp_path: Path) -> None:
    head = _info("g")
    blob = head.create_pax_global_header({"uid": "9"}) + tar_bytes(
        [Entry("one"), Entry("two", pax={"uid": "3"})]
    )

    assert [member.uid for member in read(tmp_path, blob)] == [9, 3]


def test_a_name_that_is_no_utf8_keeps_its_bytes(tmp_path: Path) -> None:
    name = b"caf\xe9\n".decode("utf-8", "surrogateescape")

    (member,) = read(tmp_path, tar_bytes([Entry(name)]))

    assert member.name == b"caf\xe9\n"


def test_an_old_style_directory_ends_in_a_slash(tmp_path: Path) -> None:
    (member,) = read(tmp_path, tar_bytes([Entry("d/", type=tarfile.AREGTYPE)]))

    assert member.kind == DIR


def test_data_comes_in_pieces_wherever_it_lies(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    reader = TarReader(
        GrowingFile(opened(tmp_path, tar_bytes([Entry("a", b"s"), Entry("b", content)]))), Limits()
    )

    got = [b"".join(reader.data(member)) for member in reader.members()]

    assert got == [b"s", content]


def test_a_growing_file_is_read_as_it_comes(tmp_path: Path) -> None:
    content = os.urandom(200_000)
    data = tar_bytes([Entry("a", content), Entry("b", b"end")])
    path = tmp_path / "growing"
    path.touch()
    reading, writing = os.pipe()

    def feed() -> None:
        with path.open("ab", buffering=0) as out:
            for start in range(0, len(data), 7001):
                out.write(data[start : start + 7001])
                announce(writing, min(start + 7001, len(data)))
        announce(writing, len(data), complete=True)
        os.close(writing)

    feeder = threading.Thread(target=feed)
    feeder.start()
    fd = os.open(path, os.O_RDONLY)
    reader = TarReader(GrowingFile(fd, reading), Limits())
    got = [b"".join(reader.data(member)) for member in reader.members()]
    feeder.join()
    os.close(fd)
    os.close(reading)

    assert got == [content, b"end"]


def test_counting_ahead_sees_what_is_left(tmp_path: Path) -> None:
    entries = [Entry(f"f{number}", b"x" * number) for number in range(50)]
    reader = TarReader(GrowingFile(opened(tmp_path, tar_bytes(entries))), Limits())
    first = next(reader.members())

    assert reader.count_after(first, 1000) == 49
    assert reader.count_after(first, 10) == 11


def _patched(data: bytes, offset: int, value: bytes) -> bytes:
    """Change a header field and make the checksum right again."""
    raw = bytearray(data)
    raw[offset : offset + len(value)] = value
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    return bytes(raw)


_ONE = tar_bytes([Entry("f", b"data")])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no end mark"),
        (_ONE[:300], "no end mark"),
        (_ONE[:1024], "no end mark"),
        (b"\1" + _ONE[1:], "wrong checksum"),
        (_patched(_ONE, 124, b"\xff" * 12), "impossible size"),
        (_patched(_ONE, 124, b"99999999999\0"), "bad number"),
        (_patched(_ONE, 108, b"\xff" * 8), "out of range"),
        (_patched(_ONE, 156, b"S"), "sparse"),
        (_patched(_ONE, 156, b"V"), "unsupported type: 'V'"),
        (_ONE[:1024] + bytes(512) + b"\1" * 512, "invalid tar header at byte 1536"),
        (tar_bytes([Entry("f", pax={"GNU.sparse.major": "1"})]), "sparse"),
        (tar_bytes([Entry("f", pax={"uid": "-1"})]), "bad number"),
        (tar_bytes([Entry("f", pax={"mtime": "soon"})]), "bad mtime"),
    ],
)
def test_unsound_archives_are_refused(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        read(tmp_path, data)


@pytest.mark.parametrize(
    "text", [b"9 a=b\n", b"x a=b\n", b"6 a=b", b"4 =\n\n", b"99999999999 a=b\n"]
)
def test_broken_pax_records_are_refused(tmp_path: Path, text: bytes) -> None:
    info = _info("p", type=tarfile.XHDTYPE, size=len(text))
    data = info.tobuf(tarfile.USTAR_FORMAT) + text + bytes(512 - len(text)) + _ONE

    with pytest.raises(ArchiveError, match="invalid pax header"):
        read(tmp_path, data)


def test_truncation_inside_a_member_is_noticed(tmp_path: Path) -> None:
    data = tar_bytes([Entry("f", b"x" * 5000)])
    reader = TarReader(GrowingFile(opened(tmp_path, data[:2000])), Limits())
    member = next(reader.members())

    with pytest.raises(ArchiveError, match="truncated inside f"):
        list(reader.data(member))


def test_headers_are_bounded(tmp_path: Path) -> None:
    limits = Limits(extended=1000, long_name=1000)
    pax = tar_bytes([Entry("f", pax={"comment": "x" * 2000})])
    gnu = _tar(tarfile.GNU_FORMAT, _info("n" * 2000))

    for data in (pax, gnu):
        with pytest.raises(ArchiveLimitError, match="extended tar header"):
            read(tmp_path, data, limits)


def _is_sound(data: bytes) -> bool:
    fd = os.memfd_create("archive")
    try:
        os.write(fd, data)
        reader = TarReader(GrowingFile(fd), Limits())
        for member in reader.members():
            list(reader.data(member))
    except ArchiveError:
        return False
    finally:
        os.close(fd)
    return True


@given(st.binary(min_size=1, max_size=511))
def test_noise_is_refused(noise: bytes) -> None:
    assert not _is_sound(noise + bytes(512 - len(noise)) if any(noise) else b"\1")


@given(st.integers(0, 511), st.binary(min_size=1, max_size=8))
def test_a_changed_header_is_refused_or_read_but_never_a_bug(offset: int, value: bytes) -> None:
    _is_sound(_patched(_ONE, min(offset, 512 - len(value)), value))
