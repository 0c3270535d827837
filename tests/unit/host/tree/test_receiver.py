"""What ``cp`` does to a directory that has something in it already."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive.limits import ArchiveError, Limits
from rktpy.host.archive.reader import GrowingFile, TarReader
from rktpy.host.archive.unpack import split_name
from rktpy.host.tree.receiver import InTheWayError, Receiver
from tests.support import archive
from tests.support.archive import Entry, tar_bytes
from tests.unit.host.archive.tars import opened

if TYPE_CHECKING:
    from pathlib import Path


def receive(directory: Path, *entries: Entry, keep: bool = False) -> list[str]:
    """Write ``entries`` into ``directory``; return the warnings."""
    limits = Limits()
    reader = TarReader(GrowingFile(opened(directory.parent, tar_bytes(entries))), limits)
    base = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        receiver = Receiver(base, archive=keep)
        receiver.receive(reader, ((split_name(m.name, limits), m) for m in reader.members()))
    finally:
        os.close(base)
    return receiver.warnings


def named(name: str, entry: Entry) -> Entry:
    return replace(entry, name=name)


def a_file(name: str, data: str = "new", mode: int = 0o644) -> Entry:
    return named(name, archive.file(data, mode))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A directory with ``kept``, ``dir/old`` and a link ``out`` that leads out of it."""
    target = tmp_path / "target"
    (target / "dir").mkdir(parents=True)
    (target / "kept").write_text("kept")
    (target / "dir/old").write_text("old")
    (tmp_path / "outside").mkdir()
    (target / "out").symlink_to("../outside")
    return target


def tree(root: Path) -> dict[str, str]:
    """Return the files below ``root`` with what they say; links with an arrow."""
    return {
        str(path.relative_to(root)): f"-> {path.readlink()}"
        if path.is_symlink()
        else path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_directories_merge_and_files_are_replaced(target: Path) -> None:
    os.chmod(target / "dir", 0o700)

    receive(
        target,
        named("dir", archive.directory(0o755)),
        a_file("dir/old"),
        a_file("dir/deep/er", "deeper"),
        named("link", archive.symlink("/etc/passwd")),
    )

    assert tree(target) == {
        "dir/deep/er": "deeper",
        "dir/old": "new",
        "kept": "kept",
        "link": "-> /etc/passwd",
        "out": "-> ../outside",
    }
    assert (target / "dir").stat().st_mode & 0o777 == 0o700


def test_a_replaced_file_is_another_file(target: Path) -> None:
    os.link(target / "kept", target / "same")

    receive(target, a_file("kept"))

    assert (target / "kept").read_text() == "new"
    assert (target / "same").read_text() == "kept"


def test_a_link_in_the_last_place_is_replaced_and_not_followed(target: Path) -> None:
    (target / "file").symlink_to("../outside/file")

    receive(target, a_file("file"))

    assert (target / "file").read_text() == "new"
    assert os.listdir(target.parent / "outside") == []


def test_a_link_on_the_way_is_not_followed(target: Path) -> None:
    with pytest.raises(InTheWayError, match=r"out, no directory"):
        receive(target, a_file("out/file"))

    assert os.listdir(target.parent / "outside") == []


@pytest.mark.parametrize(
    "entries",
    [
        (named("in", archive.symlink("../outside")), a_file("in/file")),
        (named("in", archive.symlink("../outside")), named("in", archive.directory())),
        (a_file("dir"),),
        (named("kept", archive.directory()),),
    ],
)
def test_files_and_directories_do_not_replace_each_other(
    target: Path, entries: tuple[Entry, ...]
) -> None:
    with pytest.raises(InTheWayError):
        receive(target, *entries)

    assert os.listdir(target.parent / "outside") == []
    assert (target / "dir/old").read_text() == "old"


@pytest.mark.parametrize("name", ["../file", "dir/../../file", "/file"])
def test_names_that_lead_out_are_refused(target: Path, name: str) -> None:
    with pytest.raises(ArchiveError):
        receive(target, a_file(name))

    assert not (target.parent / "file").exists()


@pytest.mark.parametrize("link", ["../outside/file", "out/file", "/etc/passwd"])
def test_a_hard_link_stays_inside(target: Path, link: str) -> None:
    (target.parent / "outside/file").write_text("secret")

    with pytest.raises((ArchiveError, InTheWayError)):
        receive(target, named("hard", archive.hardlink(link)))


def test_hard_links_are_kept(target: Path) -> None:
    receive(target, a_file("one"), named("dir/two", archive.hardlink("one")))

    assert (target / "dir/two").samefile(target / "one")


def test_setuid_goes_and_times_stay(target: Path) -> None:
    receive(
        target,
        named("new", archive.directory(0o2755)),
        a_file("new/program", mode=0o6755),
    )

    program = (target / "new/program").stat()
    assert program.st_mode & 0o7777 == 0o755
    assert program.st_mtime == (target / "new").stat().st_mtime == archive.MTIME


def test_an_archive_keeps_all_of_the_mode(target: Path) -> None:
    program = replace(a_file("program", mode=0o4755), uid=os.getuid(), gid=os.getgid())

    receive(target, program, keep=True)

    assert (target / "program").stat().st_mode & 0o7777 == 0o4755


def test_devices_are_left_out_and_fifos_made(target: Path) -> None:
    warnings = receive(
        target, named("null", archive.device("c", 1, 3)), named("fifo", archive.fifo())
    )

    assert warnings == ["leaving out device node null"]
    assert (target / "fifo").is_fifo()
    assert not (target / "null").exists()


def test_blocks_of_nothing_become_holes(target: Path) -> None:
    data = "\0" * (4 << 20) + "end"

    receive(target, a_file("sparse", data))

    assert (target / "sparse").read_text() == data
    assert (target / "sparse").stat().st_blocks * 512 < 1 << 20


def test_a_stream_that_breaks_off_leaves_the_old_file(target: Path) -> None:
    cut = Entry("kept", data=b"x" * 100, size=1 << 20)

    with pytest.raises(ArchiveError, match="truncated"):
        receive(target, cut)

    assert (target / "kept").read_text() == "kept"
    assert sorted(os.listdir(target)) == ["dir", "kept", "out"]
