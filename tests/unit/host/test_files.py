"""A file is whole or absent, and nothing else is ever beside it."""

from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from rktpy.host.files import copy_nameless, read_regular, rewrite, unchangeable, write_atomic

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_written_with_its_mode_whatever_the_umask(
    tmp_path: Path,
    durable: bool,  # noqa: FBT001
) -> None:
    path = tmp_path / "file"
    before = os.umask(0o077)
    try:
        write_atomic(str(path), b"whole", mode=0o644, durable=durable)
    finally:
        os.umask(before)

    assert path.read_bytes() == b"whole"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_was_there_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"the old one, and longer")
    with path.open("rb") as reader:
        write_atomic(str(path), b"new")

        assert reader.read() == b"the old one, and longer"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_is_rewritten_is_never_missing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"first")
    done = threading.Event()
    missing = []

    def read() -> None:
        while not done.is_set():
            try:
                os.stat(path)
            except FileNotFoundError as error:
                missing.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2000):
        rewrite(str(path), b"%d" % number, mode=0o600)
    done.set()
    reader.join()

    assert missing == []
    assert path.read_bytes() == b"1999"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_is_not_there_is_rewritten_too(tmp_path: Path) -> None:
    rewrite(str(tmp_path / "file"), b"new")

    assert (tmp_path / "file").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["é" * 127, "x" * 255, "中" * 85])
def test_the_longest_names_have_a_name_beside_them(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    rewrite(str(tmp_path / name), b"new")

    assert (tmp_path / name).read_bytes() == b"new"


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "link").symlink_to("target")
    write_atomic(str(tmp_path / "link"), b"new")

    assert (tmp_path / "target").read_bytes() == b"precious"
    assert not (tmp_path / "link").is_symlink()


def test_a_name_without_a_directory_is_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_atomic("file", b"here")

    assert (tmp_path / "file").read_bytes() == b"here"


def test_nothing_is_left_where_the_name_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_atomic(str(tmp_path / "taken"), b"lost")

    assert os.listdir(tmp_path) == ["taken"]


@pytest.mark.parametrize("what", ["link", "pipe", "directory", "device"])
def test_only_a_regular_file_is_read_and_nobody_waits_for_anything_else(
    tmp_path: Path, what: str
) -> None:
    path = tmp_path / "file"
    (tmp_path / "secret").write_text("what only we may read")
    make = {"link": lambda: path.symlink_to("secret"), "pipe": lambda: os.mkfifo(path)}
    make.get(what, path.mkdir)()

    with pytest.raises(OSError, match=r"regular file|symbolic links"):
        read_regular("/dev/null" if what == "device" else str(path))


def test_a_regular_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")

    assert read_regular(str(tmp_path / "file"), limit=5) == b"12345"
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        read_regular(str(tmp_path / "file"), limit=4)


def test_a_nameless_copy_does_not_change_with_its_source(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old" * 100_000)
    with path.open("rb+") as source:
        copy = copy_nameless(source.fileno(), str(tmp_path))
        source.write(b"new")
    try:
        assert os.pread(copy, 1 << 20, 0) == b"old" * 100_000
    finally:
        os.close(copy)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(("mode", "copied"), [(0o644, False), (0o646, True)])
def test_a_file_that_others_can_write_is_used_as_a_copy(
    tmp_path: Path,
    mode: int,
    copied: bool,  # noqa: FBT001
) -> None:
    path = tmp_path / "app.aci"
    path.write_bytes(b"signed")
    path.chmod(mode)
    (tmp_path / "scratch").mkdir()

    fd = unchangeable(os.open(path, os.O_RDONLY), str(tmp_path / "scratch"))
    try:
        path.write_bytes(b"forged")

        assert os.pread(fd, 100, 0) == (b"signed" if copied else b"forged")
        assert os.listdir(tmp_path / "scratch") == []
    finally:
        os.close(fd)
