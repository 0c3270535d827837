"""Parts of a hosts file are changed in place, whatever stands around them."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from rktpy.net import hosts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pod(tmp_path: Path) -> Path:
    hosts.prepare(str(tmp_path), "127.0.0.1 localhost", ["a", "b c\n"])
    return tmp_path


def text(pod: Path) -> str:
    return (pod / "net/hosts").read_text()


EMPTY = (
    "127.0.0.1 localhost\n# pods of network a\n# end of network a\n"
    "# pods of network b%20c%a\n# end of network b%20c%a\n"
)


def test_each_network_has_a_part(pod: Path) -> None:
    assert text(pod) == EMPTY
    hosts.change(str(pod), "b c\n", ["10.0.0.2 x"])
    hosts.change(str(pod), "a", ["10.1.0.2 y", "10.1.0.3 z"])

    assert text(pod) == EMPTY.replace(
        "# end of network a\n", "10.1.0.2 y\n10.1.0.3 z\n# end of network a\n"
    ).replace("# end of network b", "10.0.0.2 x\n# end of network b")
    hosts.change(str(pod), "a", [])
    hosts.change(str(pod), "b c\n", [])
    assert text(pod) == EMPTY


def test_the_inode_stays(pod: Path) -> None:
    before = os.stat(pod / "net/hosts").st_ino
    for count in (3, 900, 1):
        hosts.change(str(pod), "a", [f"10.0.0.{number} x{number}" for number in range(count)])

        assert os.stat(pod / "net/hosts").st_ino == before
        assert text(pod).count(" x") == count
        assert os.listdir(pod / "net") == ["hosts"]


def test_what_an_app_wrote_stays(pod: Path) -> None:
    with (pod / "net/hosts").open("a") as file:
        file.write("10.9.9.9 mine")
    hosts.change(str(pod), "a", ["10.1.0.2 y"])
    hosts.change(str(pod), "a", [])

    assert text(pod) == EMPTY + "10.9.9.9 mine"


@pytest.mark.parametrize(
    "there", ["", "mine\n", "x# pods of network a\n", "# pods of network aa\n", "\0" * 99]
)
def test_who_took_the_part_away_keeps_what_he_wrote(pod: Path, there: str) -> None:
    (pod / "net/hosts").write_text(there)
    hosts.change(str(pod), "a", ["10.1.0.2 y"])

    assert text(pod) == there


def test_a_part_without_end_ends_before_the_next(pod: Path) -> None:
    (pod / "net/hosts").write_text(EMPTY.replace("# end of network a\n", "10.0.0.1 gone\n"))
    hosts.change(str(pod), "a", [])

    assert text(pod) == EMPTY


def test_padding_of_a_killed_writer_goes(pod: Path) -> None:
    (pod / "net/hosts").write_text(EMPTY + "\n" * 50)
    hosts.change(str(pod), "b c\n", [])
    assert text(pod) == EMPTY


def test_a_write_cut_by_a_kill_is_done_anew(pod: Path) -> None:
    hosts.change(str(pod), "a", ["10.1.0.2 y"] * 500)
    whole = text(pod)
    (pod / "net/hosts.new").write_text(whole)
    (pod / "net/hosts").write_text(whole[:4096] + "1.0.2 y\n" * 40)

    hosts.change(str(pod), "a", ["10.1.0.2 y"] * 500)

    assert text(pod) == whole
    assert os.listdir(pod / "net") == ["hosts"]


def test_what_a_kill_left_goes_also_when_nothing_changes(pod: Path) -> None:
    hosts.change(str(pod), "a", ["10.1.0.2 y"])
    (pod / "net/hosts.new").write_text(text(pod))
    hosts.change(str(pod), "a", ["10.1.0.2 y"])

    assert os.listdir(pod / "net") == ["hosts"]


def test_a_line_more_of_many_is_one_write_of_the_last_page(
    pod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = ["10.1.0.2 y"] * 1000
    hosts.change(str(pod), "a", many)
    wanted = text(pod).replace("10.1.0.2 y\n# end", "10.1.0.2 y\n10.1.0.3 z\n# end")
    starts: list[int] = []
    real = os.pwrite

    def seen(fd: int, data: bytes, start: int) -> int:
        starts.append(start)
        assert os.listdir(pod / "net") == ["hosts"]
        return real(fd, data, start)

    monkeypatch.setattr(os, "pwrite", seen)
    hosts.change(str(pod), "a", [*many, "10.1.0.3 z"])

    assert text(pod) == wanted
    assert min(starts) >= 8192


def test_a_full_disk_changes_nothing(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite

    def full(fd: int, data: bytes, start: int) -> int:
        if start + len(data) <= len(EMPTY):
            return real(fd, data, start)
        if start < len(EMPTY) + 5:
            return real(fd, data[:5], start)
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="full"):
        hosts.change(str(pod), "a", ["10.1.0.2 y"])

    assert text(pod) == EMPTY


def test_a_pod_without_file_stays_without(tmp_path: Path) -> None:
    hosts.change(str(tmp_path), "a", ["10.1.0.2 y"])
    hosts.change(str(tmp_path / "gone"), "a", ["10.1.0.2 y"])

    assert os.listdir(tmp_path) == []


def test_a_link_is_not_followed(pod: Path) -> None:
    (pod / "other").write_text(EMPTY)
    (pod / "net/hosts").unlink()
    (pod / "net/hosts").symlink_to("../other")

    with pytest.raises(OSError, match="symbolic links"):
        hosts.change(str(pod), "a", ["10.1.0.2 y"])

    assert (pod / "other").read_text() == EMPTY
