"""A file is whole or absent, and nothing else is ever beside it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from rktpy.host.files import write_atomic

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
