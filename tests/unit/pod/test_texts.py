"""Small files of a pod, which what ran in it may have put something else in place of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.pod.texts import read_number, read_text

if TYPE_CHECKING:
    from pathlib import Path


def test_a_text_is_read_without_the_blanks_around_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(" a b\n\n")

    assert read_text(f"{tmp_path}/file") == "a b"


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "dir").mkdir()
    before = os.listdir("/proc/self/fd")

    for name in ("file", "dir", "missing"):
        read_text(f"{tmp_path}/{name}")

    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("kind", ["link", "fifo", "directory", "nothing"])
def test_what_is_no_file_has_no_text_and_makes_nobody_wait(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret").write_text("7")
    path = tmp_path / "file"
    match kind:
        case "link":
            path.symlink_to("secret")
        case "fifo":
            os.mkfifo(path)
        case "directory":
            path.mkdir()

    assert (read_text(str(path)), read_number(str(path))) == ("", None)


def test_no_more_than_four_kibibytes_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x" * 5000)

    assert len(read_text(f"{tmp_path}/file")) == 4096


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7\n", 7),
        ("-1", -1),
        ("", None),
        ("7 8", None),
        ("\u0667", None),
        ("9" * 19, None),
        ("+7", None),
    ],
)
def test_a_number_is_a_few_plain_digits(tmp_path: Path, text: str, number: int | None) -> None:
    (tmp_path / "file").write_text(text)

    assert read_number(f"{tmp_path}/file") == number
