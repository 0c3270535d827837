"""Directories of files in, a directory of units out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rktpy.generator.disk import collect, strangers, units_of_host, write
from rktpy.generator.file.ini import Problem
from rktpy.generator.main import main
from rktpy.generator.pods import Generated, generate
from rktpy.generator.telling import fields, tell

POD = "[App]\nImage=x\n"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc"


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    (tmp_path / "usr").mkdir()
    return tmp_path / "usr"


def found(*directories: Path) -> list[tuple[str, list[str]]]:
    problems: list[Problem] = []
    files = collect([str(directory) for directory in directories], problems)
    assert problems == []
    return [(file.name, [text for _, text in file.parts]) for file in files]


def test_the_first_file_of_a_name_counts(etc: Path, vendor: Path) -> None:
    (etc / "b.pod").write_text("mine")
    (vendor / "b.pod").write_text("theirs")
    (vendor / "a.pod").write_text("theirs")
    (vendor / "README").write_text("no pod")
    assert found(etc, vendor) == [("a.pod", ["theirs"]), ("b.pod", ["mine"])]


def test_a_mask_takes_a_pod_out(etc: Path, vendor: Path) -> None:
    (vendor / "a.pod").write_text("a")
    (etc / "a.pod").symlink_to("/dev/null")
    (vendor / "b.pod").write_text("b")
    (etc / "b.pod").touch()
    assert found(etc, vendor) == []


def test_drop_ins_of_all_directories_come_by_name(etc: Path, vendor: Path) -> None:
    (vendor / "a.pod").write_text("a")
    for directory, name, text in ((etc, "20.conf", "2"), (vendor, "10.conf", "1")):
        (directory / "a.pod.d").mkdir()
        (directory / "a.pod.d" / name).write_text(text)
    (vendor / "a.pod.d" / "20.conf").write_text("hidden")
    (vendor / "a.pod.d" / "30.txt").write_text("no drop-in")
    assert found(etc, vendor) == [("a.pod", ["a", "1", "2"])]


def test_what_cannot_be_read_is_told(etc: Path) -> None:
    (etc / "a.pod").mkdir()
    (etc / "b.pod").symlink_to("nowhere")
    (etc / "c.pod").write_bytes(b"x" * ((1 << 20) + 1))
    (etc / "d.pod").write_text("d")
    problems: list[Problem] = []
    files = collect([str(etc)], problems)

    assert [[str(problem) for problem in file.problems] for file in files] == [
        [f"{etc}/a.pod: this is not a regular file"],
        [f"{etc}/b.pod: No such file or directory"],
        [f"{etc}/c.pod: it is larger than 1 MiB"],
        [],
    ]
    assert problems == []


def test_a_fifo_keeps_nobody_waiting(etc: Path) -> None:
    os.mkfifo(etc / "a.pod")
    problems: list[Problem] = []
    (file,) = collect([str(etc)], problems)
    assert [str(problem) for problem in file.problems] == [
        f"{etc}/a.pod: this is not a regular file"
    ]


def test_a_directory_that_is_none_is_told(etc: Path) -> None:
    (etc / "file").touch()
    problems: list[Problem] = []
    assert collect([f"{etc}/file"], problems) == []
    assert [str(problem) for problem in problems] == [f"{etc}/file: Not a directory"]


def test_files_of_podman_are_told(etc: Path) -> None:
    (etc / "web.container").touch()
    (etc / "README").touch()
    assert [problem.file for problem in strangers([str(etc)])] == [f"{etc}/web.container"]


def test_units_of_the_host_are_those_that_are_not_masked(etc: Path, vendor: Path) -> None:
    (vendor / "a.service").touch()
    (vendor / "b.service").touch()
    (etc / "b.service").symlink_to("/dev/null")
    (etc / "a.service.d").mkdir()
    assert units_of_host([str(etc), str(vendor)]) == {"a.service": f"{vendor}/a.service"}


def test_one_unit_that_cannot_be_written_keeps_no_other_away(tmp_path: Path) -> None:
    (tmp_path / "a.service").touch()
    problems: list[Problem] = []
    units = (("a.service", "new"), ("b.service", "b"))
    write(str(tmp_path), Generated(units, (("x.wants/b.service", "../b.service"),)), problems)
    assert [problem.file for problem in problems] == [f"{tmp_path}/a.service"]
    assert (tmp_path / "a.service").read_text() == ""
    assert (tmp_path / "x.wants" / "b.service").read_text() == "b"


def test_from_files_to_units(etc: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (etc / "web.pod").write_text(POD + "[Install]\nWantedBy=x.target\n")
    assert main([str(out)], program="/bin/true", sources=[str(etc)]) == 0
    assert (
        "ExecStart=/bin/true run --replace --pod-name=web x\n" in (out / "web.service").read_text()
    )
    assert (out / "x.target.wants" / "web.service").is_file()


def test_without_a_directory_nothing_is_done(etc: Path) -> None:
    assert main([], program="/bin/true", sources=[str(etc)]) == 1


def test_journald_gets_file_and_line(tmp_path: Path) -> None:
    address = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(address)
        tell([Problem("/etc/rktpy/a.pod", 3, "is wrong")], journal=address, kmsg="/nonexistent")
        got = journal.recv(4096)
    assert got.splitlines() == [
        b"MESSAGE=/etc/rktpy/a.pod:3: is wrong",
        b"PRIORITY=3",
        b"SYSLOG_IDENTIFIER=rktpy-generator",
        b"CODE_FILE=/etc/rktpy/a.pod",
        b"CODE_LINE=3",
    ]


def test_a_line_break_in_a_name_makes_no_field() -> None:
    data = fields(Problem("/a\nPRIORITY=0", 0, "x"))
    assert data.startswith(b"MESSAGE=/a?PRIORITY=0: x\nPRIORITY=3\n")
    assert data.endswith(b"CODE_FILE\n" + (13).to_bytes(8, "little") + b"/a\nPRIORITY=0\n")


def test_before_journald_runs_the_kernels_log_is_told(tmp_path: Path) -> None:
    kmsg = tmp_path / "kmsg"
    kmsg.touch()
    tell([Problem("/a\n<0>b", 1, "x")], journal=str(tmp_path / "none"), kmsg=str(kmsg))
    assert kmsg.read_text() == "<3>rktpy-generator: /a?<0>b:1: x\n"


def test_where_nobody_listens_stderr_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    none = str(tmp_path / "none")
    tell([Problem("/a", 1, "x")], journal=none, kmsg=none)
    assert capfd.readouterr().err == "rktpy-generator: /a:1: x\n"


def test_the_generator_imports_nothing_that_takes_time() -> None:
    code = (
        "import sys; before = set(sys.modules); sys.path[:0] = sys.argv[1:];"
        " from rktpy.generator.main import main; import rktpy.generator.telling as t;"
        " t._to_journal(b'', '/nonexistent'); print(*sorted(set(sys.modules) - before))"
    )
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-IS", "-c", code, root], capture_output=True, text=True, check=True
    )
    others = {name for name in done.stdout.split() if name.partition(".")[0] != "rktpy"}
    assert others <= {
        "__future__", "_collections_abc", "_socket", "_stat", "genericpath", "os", "os.path",
        "posixpath", "stat",
    }  # fmt: skip
    ours = {name for name in done.stdout.split() if name.count(".") == 1} - {"os.path"}
    assert ours == {"rktpy.errors", "rktpy.generator", "rktpy.value"}


def test_a_program_is_told_in_one_line(etc: Path) -> None:
    (etc / "a.pod").write_bytes(b"\x7fELF\0\n[App\n" + os.urandom(1 << 15))
    (etc / "b.pod").symlink_to("/proc/self/mem")
    (etc / "c.pod").symlink_to("c.pod")
    (etc / "d.pod").write_text(POD)
    (etc / "d.pod.d").symlink_to("d.pod.d")
    files = collect([str(etc)], [])

    assert [[str(problem) for problem in file.problems] for file in files] == [
        [f"{etc}/a.pod: this is not a text file"],
        [f"{etc}/b.pod: Input/output error"],
        [f"{etc}/c.pod: Too many levels of symbolic links"],
        [f"{etc}/d.pod.d: Too many levels of symbolic links"],
    ]


@pytest.mark.parametrize(
    "name",
    ["a b.pod", "%n.pod", "a\nb.pod", "@.pod", "a@@.pod", "a@1.pod", "a" * 246 + ".pod", "é.pod",
     os.fsdecode(b"\xff.pod")],
)  # fmt: skip
def test_a_name_that_no_unit_can_have_is_told_in_one_line(
    etc: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "out").mkdir()
    (etc / name).write_text(POD)
    (etc / "good.pod").write_text(POD)
    problems: list[Problem] = []
    made = generate(collect([str(etc)], problems), program="/bin/true")
    nowhere = str(tmp_path / "none")
    tell(made.problems, journal=nowhere, kmsg=nowhere)

    assert [unit for unit, _ in made.units] == ["good.service"]
    assert len(capfd.readouterr().err.splitlines()) == 1
    assert not problems
