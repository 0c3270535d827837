"""Lock files lie where others may put things: nothing but a plain file is locked or changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.host.lock import lock_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_lock_file_is_made_for_the_group_too_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        lock_file(str(tmp_path / "lock")).close()
    finally:
        os.umask(before)

    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_a_link_in_its_place_is_not_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "there").write_text("of the host")
    (tmp_path / "there").chmod(0o600)
    (tmp_path / "lock").symlink_to(tmp_path / target)

    with pytest.raises(OSError, match="symbolic links"):
        lock_file(str(tmp_path / "lock"))

    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_an_error_and_nobody_waits(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "lock")

    with pytest.raises(OSError, match=r"regular file|directory"):
        lock_file(str(tmp_path / "lock"))
