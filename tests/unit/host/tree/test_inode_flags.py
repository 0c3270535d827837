"""Flags of inodes, on whatever file system the tests run."""

from __future__ import annotations

import fcntl
import os
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.host.tree import inode_flags
from rktpy.layout import Layout
from rktpy.pod import lifecycle
from rktpy.store.places import make_store

if TYPE_CHECKING:
    from pathlib import Path

_GET, _SET = 0x80086601, 0x40086602


def _flags(path: Path | str) -> int:
    fd = os.open(path, os.O_RDONLY)
    try:
        buffer = bytearray(8)
        fcntl.ioctl(fd, _GET, buffer)
        return int.from_bytes(buffer[:4], sys.byteorder)
    except OSError:
        return 0
    finally:
        os.close(fd)


def _expected(directory: Path) -> int:
    """What the file system makes of the flag: it is there, or it knows none."""
    probe = directory / "probe"
    probe.mkdir()
    fd = os.open(probe, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, _SET, inode_flags.TOP.to_bytes(4, sys.byteorder))
    except OSError:
        return 0
    finally:
        os.close(fd)
    return inode_flags.TOP


def test_trees_and_pods_are_spread_over_the_disk(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path / "data"))
    make_store(layout)
    lifecycle.create(layout).close()

    expected = _expected(tmp_path)
    assert _flags(layout.cas_tmp) & inode_flags.TOP == expected
    assert _flags(layout.phase_dir("embryo")) & inode_flags.TOP == expected


def test_other_flags_stay(tmp_path: Path) -> None:
    before = _flags(tmp_path)
    inode_flags.spread_children(str(tmp_path))
    inode_flags.spread_children(str(tmp_path))
    fd = os.open(tmp_path, os.O_RDONLY)
    inode_flags.change(fd, clear=inode_flags.TOP)
    os.close(fd)
    assert _flags(tmp_path) == before


def test_a_file_without_flags_is_left_alone() -> None:
    reading, writing = os.pipe()
    inode_flags.change(reading, add=inode_flags.TOP)
    os.close(reading)
    os.close(writing)


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inode_flags.spread_children(f"{tmp_path}/missing")
