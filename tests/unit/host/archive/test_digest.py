"""The content hash of a tree sees every change an app could see."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive.digest import VERSION, crc32, tree_hash

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "dir").mkdir(parents=True)
    (root / "dir/file").write_bytes(b"content")
    (root / "link").symlink_to("dir/file")
    (root / "empty").mkdir()
    os.mkfifo(root / "fifo")
    return root


def test_the_same_tree_has_the_same_versioned_hash(tree: Path) -> None:
    first = tree_hash(str(tree))
    os.utime(tree / "dir/file", (1, 1))

    assert first == tree_hash(str(tree))
    assert first.startswith(f"{VERSION}:")
    assert len(first) == len(VERSION) + 65


@pytest.mark.parametrize("size", [0, 1, 100_003])
def test_a_tree_has_the_same_hash_where_isal_is_missing(size: int) -> None:
    data = os.urandom(size)

    assert crc32(data, crc32(data, 0)) == zlib.crc32(data, zlib.crc32(data))


def _relink(tree: Path) -> None:
    (tree / "link").unlink()
    (tree / "link").symlink_to("dir/other")


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "dir/file").write_bytes(b"Content"),
        lambda tree: (tree / "dir/file").chmod(0o4755),
        lambda tree: (tree / "empty").chmod(0o700),
        lambda tree: (tree / "dir/file").rename(tree / "dir/renamed"),
        lambda tree: (tree / "empty").rmdir(),
        lambda tree: (tree / "added").touch(),
        lambda tree: (tree / "fifo").unlink(),
        lambda tree: tree.chmod(0o711),
        _relink,
    ],
)
def test_a_change_changes_the_hash(tree: Path, change: Callable[[Path], object]) -> None:
    before = tree_hash(str(tree))
    change(tree)

    assert tree_hash(str(tree)) != before


def test_a_broken_hard_link_with_the_same_content_is_no_change(tree: Path) -> None:
    os.link(tree / "dir/file", tree / "twin")
    before = tree_hash(str(tree))
    (tree / "twin").unlink()
    (tree / "twin").write_bytes(b"content")
    (tree / "twin").chmod((tree / "dir/file").stat().st_mode & 0o7777)

    assert tree_hash(str(tree)) == before
