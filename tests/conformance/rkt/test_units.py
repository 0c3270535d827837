"""Rows of rkt's own unit tests that no other test has (rkt-cli.md 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.cli.errors import describe
from rktpy.errors import RktError
from rktpy.host.lock import LockBusyError, is_locked, lock_dir, lock_file
from rktpy.image.reference import ImageReferenceError, Kind, parse_reference
from rktpy.store import locks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rktpy.host.lock import Lock


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("some/relative/path/with/aci/extension.aci", Kind.FILE),
        ("./another/obviously/relative/path.aci", Kind.FILE),
        ("/usr/libexec/rkt/stage1.aci", Kind.FILE),
        ("example.com/stage1:1.2.3", Kind.NAME),
        ("example.com/stage1", Kind.NAME),
        ("example.com/stage1,version=1.2.3,foo=bar", Kind.NAME),
        ("docker://busybox:latest", Kind.DOCKER),
        ("docker:registry.example.com:5000/repo/image:1.0", Kind.DOCKER),
    ],
)
def test_an_image_argument_is_guessed_as_rkt_guesses(text: str, kind: str) -> None:
    assert parse_reference(text).kind == kind


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/absolute/path/to/file", "file:///absolute/path/to/file"),
        ("file:///absolute/path/to/file", "file:///absolute/path/to/file"),
        ("/absolute/path/to/file.tar", "file:///absolute/path/to/file.tar"),
        ("https://example.com/app.tar", "https://example.com/app.tar"),
    ],
)
def test_an_archive_ends_in_aci(text: str, shown: str) -> None:
    with pytest.raises(ImageReferenceError) as refused:
        parse_reference(text)

    assert refused.value.message == f'invalid image string "{shown}"'


def test_a_path_with_dots_is_a_path_and_so_has_to_end_in_aci() -> None:
    with pytest.raises(ImageReferenceError, match="invalid image string"):
        parse_reference("some/relative/../path/with/dots/file")


def test_an_error_is_one_line_or_a_ladder() -> None:
    error = RktError("the accompanying message")
    error.__cause__ = RktError("this is the second message")

    assert describe("prefix", error, debug=False) == (
        "prefix: the accompanying message: this is the second message"
    )
    assert describe("prefix", error, debug=True) == (
        "prefix: the accompanying message\n  └─this is the second message"
    )


def directory(path: Path, *, exclusive: bool = True) -> Lock:
    return lock_dir(str(path), exclusive=exclusive, wait=False)


def file(path: Path, *, exclusive: bool = True) -> Lock:
    return lock_file(str(path / "lock"), exclusive=exclusive, wait=False)


@pytest.mark.parametrize("lock", [directory, file])
def test_an_exclusive_lock_bars_everybody(lock: Callable[..., Lock], tmp_path: Path) -> None:
    with lock(tmp_path):
        for exclusive in (True, False):
            with pytest.raises(LockBusyError):
                lock(tmp_path, exclusive=exclusive)
    lock(tmp_path).close()


@pytest.mark.parametrize("lock", [directory, file])
def test_shared_locks_bar_exclusive_ones_only(lock: Callable[..., Lock], tmp_path: Path) -> None:
    first, second = lock(tmp_path, exclusive=False), lock(tmp_path, exclusive=False)
    with first, second, pytest.raises(LockBusyError):
        lock(tmp_path)
    lock(tmp_path).close()


def test_looking_at_a_lock_does_not_take_it(tmp_path: Path) -> None:
    assert not is_locked(str(tmp_path))
    with directory(tmp_path, exclusive=False):
        assert not is_locked(str(tmp_path))
    with directory(tmp_path):
        assert is_locked(str(tmp_path))


def test_a_directory_that_is_not_there_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        directory(tmp_path / "no")


def test_closing_a_lock_twice_closes_nobody_elses_descriptor(tmp_path: Path) -> None:
    lock = directory(tmp_path)
    lock.close()

    with directory(tmp_path):
        lock.close()
        assert is_locked(str(tmp_path))


def test_a_forgotten_lock_file_is_locked_anew(tmp_path: Path) -> None:
    held = file(tmp_path)
    locks.forget(str(tmp_path / "lock"))

    with held, file(tmp_path):
        pass  # another file of the same name: whoever waited goes on with that
    locks.forget(str(tmp_path / "no such"))
