"""Deleting trees: what is deleted, and what is not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.host.tree.removal import empty_dir, remove_entry, remove_tree

if TYPE_CHECKING:
    from pathlib import Path


def test_a_tree_of_everything_is_deleted(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "a/b/c").mkdir(parents=True)
    (top / "a/file").write_text("x")
    os.mkfifo(top / "a/b/fifo")
    (top / "a/link").symlink_to("b")
    (top / "a/dangling").symlink_to("nowhere")

    remove_tree(str(top))

    assert os.listdir(tmp_path) == []


def test_what_links_point_to_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("x")
    (tmp_path / "top").mkdir()
    (tmp_path / "top/link").symlink_to(tmp_path / "kept")

    remove_tree(f"{tmp_path}/top")

    assert (tmp_path / "kept/file").read_text() == "x"


def test_a_link_as_the_top_is_deleted_itself(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "top").symlink_to("kept")

    remove_tree(f"{tmp_path}/top")

    assert os.listdir(tmp_path) == ["kept"]


@pytest.mark.parametrize("path", ["missing", "missing/below"])
def test_what_is_not_there_needs_no_deleting(tmp_path: Path, path: str) -> None:
    remove_tree(f"{tmp_path}/{path}")


def test_depth_costs_neither_descriptors_nor_stack(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1100):  # more than a process may have open, and than Python may nest calls
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)

    remove_tree(f"{tmp_path}/d")

    assert os.listdir(tmp_path) == []


def test_names_are_bytes(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/top")
    os.mkdir(os.fsencode(tmp_path) + b"/top/\xff\xfe")
    os.close(os.open(os.fsencode(tmp_path) + b"/top/\xff\xfe/\x80\n", os.O_CREAT))

    remove_tree(f"{tmp_path}/top")

    assert os.listdir(tmp_path) == []


def test_kept_names_stay_with_all_they_hold(tmp_path: Path) -> None:
    (tmp_path / "pod").write_text("manifest")
    (tmp_path / "other/pod").mkdir(parents=True)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        empty_dir(fd, keep=("pod",))
        assert os.listdir(tmp_path) == ["pod"]
        remove_entry(fd, "pod")
        remove_entry(fd, "pod")
    finally:
        os.close(fd)

    assert os.listdir(tmp_path) == []


def test_thousands_of_entries_are_deleted_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    for number in range(2000):  # more than the kernel lists in one go
        os.mknod(f"{tmp_path}/top/{number}")

    remove_tree(f"{tmp_path}/top")

    assert os.listdir(tmp_path) == []
