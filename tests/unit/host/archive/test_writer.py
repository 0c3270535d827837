"""Tar streams: what is written is what our reader, and Python's, read; the same each time."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.host.archive.limits import ArchiveLimitError, Limits
from rktpy.host.archive.reader import DIR, FILE, LINK, SYMLINK, Member, PipedFile, TarReader
from rktpy.host.archive.sink import Sink
from rktpy.host.archive.writer import MAX_DEPTH, TarWriter, header

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.binary(min_size=1, max_size=300).filter(
    lambda name: not {0, 47} & set(name) and name not in (b".", b"..")
)
NUMBERS = st.integers(0, 2**32 - 2)
TIMES = st.integers(-(2**31) * 10**9, 2**33 * 10**9)


def tree(root: Path, name: bytes = b"top", *, device_nodes: bool = True) -> bytes:
    """Return the stream of everything in ``root``."""
    pieces: list[bytes] = []
    writer = TarWriter(pieces.append, device_nodes=device_nodes)
    writer.tree(os.open(root, os.O_PATH), name)
    writer.finish()
    return b"".join(pieces)


ROOM = 1 << 14  # bytes that every pipe takes before somebody reads


def members(data: bytes) -> list[Member]:
    """Read a stream from a pipe, as ``cp`` does."""
    reading, writing = os.pipe()
    if len(data) <= ROOM:
        put(writing, data)
    elif os.fork() == 0:
        os.close(reading)
        put(writing, data)
        os._exit(0)
    os.close(writing)
    try:
        return list(TarReader(PipedFile(reading), Limits()).members())
    finally:
        os.close(reading)
        if len(data) > ROOM:
            os.wait()


def put(fd: int, data: bytes) -> None:
    sink = Sink(fd)
    sink.put(data)
    sink.finish()


def names(data: bytes) -> list[str]:
    return [member.name.decode() for member in members(data)]


@given(NAMES, NAMES, NUMBERS, NUMBERS, TIMES, st.integers(0, 0o7777))
def test_a_header_says_everything_about_a_link(
    name: bytes, link: bytes, uid: int, gid: int, mtime: int, mode: int
) -> None:
    member = Member(name, SYMLINK)
    member.link, member.uid, member.gid, member.mtime, member.mode = link, uid, gid, mtime, mode

    (read,) = members(header(member) + b"\0" * 1024)

    for field in Member.__slots__:
        if field != "offset":
            assert getattr(read, field) == getattr(member, field), field


def test_files_of_any_size_can_be_told() -> None:
    member = Member(b"large", FILE)
    member.size = 8**11 + 5
    member.xattrs = {b"user.note": b"a=b\nc\0d"}

    block = header(member)

    assert b"size=8589934597\n" in block
    assert b"SCHILY.xattr.user.note=a=b\nc\0d\n" in block


def test_entries_stand_in_order_and_links_once(tmp_path: Path) -> None:
    for name in ("b", "a", "c/z", "c/y"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (tmp_path / "d").hardlink_to(tmp_path / "c/y")
    (tmp_path / "e").symlink_to("/etc")

    first, again = tree(tmp_path), tree(tmp_path)
    found = {member.name: member for member in members(first)}

    assert first == again
    assert list(found) == [b"top/", *(b"top/" + n for n in (b"a", b"b", b"c/", b"c/y", b"c/z",
                           b"d", b"e"))]  # fmt: skip
    assert (found[b"top/d"].kind, found[b"top/d"].link) == (LINK, b"top/c/y")
    assert (found[b"top/e"].kind, found[b"top/e"].link) == (SYMLINK, b"/etc")


def test_pythons_reader_agrees(tmp_path: Path) -> None:
    long = "ö" * 80
    (tmp_path / long).write_bytes(b"x" * 1000)
    os.utime(tmp_path / long, ns=(0, 1_500_000_000_123_456_789))
    os.chmod(tmp_path / long, 0o4751)

    with tarfile.open(fileobj=io.BytesIO(tree(tmp_path))) as archive:
        info = archive.getmember(f"top/{long}")
        content = archive.extractfile(info)

        assert content is not None
        assert content.read() == b"x" * 1000
        assert info.mode == 0o4751
        assert info.mtime == pytest.approx(1_500_000_000.123456789)


def test_holes_are_zeros_and_are_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        file.seek(1 << 20)
        file.write(b"middle")
        file.truncate(3 << 20)

    with tarfile.open(fileobj=io.BytesIO(tree(tmp_path))) as archive:
        content = archive.extractfile("top/sparse")

        assert content is not None
        assert content.read() == b"\0" * (1 << 20) + b"middle" + b"\0" * ((2 << 20) - 6)


def test_sockets_are_left_out_and_fifos_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tmp_path / "socket"))

        assert names(tree(tmp_path)) == ["top/", "top/fifo"]


@pytest.mark.parametrize("size", [0, 5000])
def test_a_file_that_changes_its_size_keeps_the_promise_of_its_header(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "changing"
    path.write_bytes(b"x" * 1000)
    pieces: list[bytes] = []

    def put(data: bytes) -> None:
        pieces.append(data)
        if b"changing" in data:
            os.truncate(path, size)

    writer = TarWriter(put)
    writer.tree(os.open(tmp_path, os.O_PATH), b"top")
    writer.finish()

    found = members(b"".join(pieces))
    assert [(member.kind, member.size) for member in found] == [(DIR, 0), (FILE, 1000)]


def test_too_many_levels_are_refused_and_cost_no_descriptors(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "/".join("d" * (MAX_DEPTH + 2)))
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(ArchiveLimitError, match="directories deep"):
        tree(tmp_path)

    assert len(os.listdir("/proc/self/fd")) <= before + 1  # the writer's own


def test_gzip_is_the_same_each_time(tmp_path: Path) -> None:
    def packed() -> bytes:
        with open(tmp_path / "out", "w+b") as file:
            sink = Sink(file.fileno(), gzip=True)
            for _ in range(300):
                sink.put(b"some text " * 100)
            sink.finish()
            file.seek(0)
            return file.read()

    import gzip

    assert packed() == packed()
    assert gzip.decompress(packed()) == b"some text " * 30000
