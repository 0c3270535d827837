"""What is left of replacements that were killed, and what is still in use."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from rktpy.host.tree import aside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LATER = time.time() + 3600


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def make(parent: int, content: bytes = b"half of it") -> tuple[bytes, int]:
    name = aside.new_name()
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=parent)
    os.write(fd, content)
    return name, fd


def test_a_file_that_nobody_holds_is_removed(parent: int) -> None:
    _, fd = make(parent)
    os.close(fd)

    aside.sweep(parent)

    assert os.listdir(parent) == []


def test_a_file_in_use_stays_however_long_it_takes(parent: int) -> None:
    name, fd = make(parent)
    aside.hold(fd)

    aside.sweep(parent, now=LATER)

    assert os.listdir(parent) == [name.decode()]
    os.close(fd)


def test_what_cannot_be_held_stays_while_it_is_young(parent: int) -> None:
    os.close(make(parent, b"")[1])  # between open(2) and flock(2)
    os.symlink("/", aside.new_name(), dir_fd=parent)
    os.mkfifo(aside.new_name(), dir_fd=parent)
    linked, fd = make(parent)
    os.link(linked, "right-name", src_dir_fd=parent, dst_dir_fd=parent)
    os.close(fd)

    aside.sweep(parent)
    young = len(os.listdir(parent))
    aside.sweep(parent, now=LATER)

    assert (young, os.listdir(parent)) == (5, ["right-name"])


@pytest.mark.parametrize(
    "name", [".rktpy-", ".rktpy-0123456789a", ".rktpy-0123456789abc", "x.rktpy-0123456789ab", "f"]
)
def test_other_names_are_not_ours(parent: int, name: str) -> None:
    os.close(os.open(name, os.O_CREAT, 0o600, dir_fd=parent))

    aside.sweep(parent, now=LATER)

    assert os.listdir(parent) == [name]


def test_a_directory_is_never_removed(parent: int) -> None:
    os.mkdir(aside.new_name(), dir_fd=parent)

    aside.sweep(parent, now=LATER)

    assert len(os.listdir(parent)) == 1
