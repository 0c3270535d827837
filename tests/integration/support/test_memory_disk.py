"""Temporary files in memory: seen by nobody else, gone with the run, and only with room for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import command
from tests.support.fence import ROOT
from tests.support.memory_disk import MemoryDisk
from tests.support.sandbox import Namespaces

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
import os, sys
from tests.support.memory_disk import MemoryDisk
place, needed = sys.argv[1], int(sys.argv[2])
before = os.readlink("/proc/self/ns/mnt")
try:
    MemoryDisk(place, needed=needed)
except MemoryError as error:
    sys.exit(f"{error} {os.readlink('/proc/self/ns/mnt') == before}")
open(f"{place}/big", "wb").write(b"x" * 100)
print("ready", flush=True)
sys.stdin.read()
"""

SWEEP = "import sys; from tests.support.scratch import sweep; sweep(sys.argv[1])"


def _start(place: Path, needed: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", SCRIPT, str(place), str(needed)]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("killed", [True, False])
def test_nobody_else_sees_it_and_it_goes_with_its_process(tmp_path: Path, *, killed: bool) -> None:
    process = _start(tmp_path, 1 << 20)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    inside = f"/proc/{process.pid}/root{tmp_path}"

    assert os.listdir(inside) == ["big"]
    assert command.run(["stat", "--file-system", "--format=%T", inside]).strip() == "tmpfs"
    assert os.listdir(tmp_path) == []

    if killed:
        process.kill()
    process.communicate()
    assert process.returncode == (-signal.SIGKILL if killed else 0)
    assert os.listdir(tmp_path) == []


def test_a_run_within_a_test_does_not_sweep_it(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    process = _start(place, 1 << 20)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    inside = f"/proc/{process.pid}/root{tmp_path}"

    command.run([sys.executable, "-c", SWEEP, inside], cwd=ROOT)

    assert os.listdir(f"{inside}/place") == ["big"]
    process.communicate()


def test_where_memory_is_short_nothing_changes(tmp_path: Path) -> None:
    _, said = _start(tmp_path, 1 << 60).communicate()

    assert "MiB of memory are available, 1099511627776 needed True\n" in said


def test_what_a_test_has_mounted_is_not_removed_with_its_directory(tmp_path: Path) -> None:
    precious, given = tmp_path / "precious", tmp_path / "given"
    (given / "point").mkdir(parents=True)
    precious.mkdir()
    (precious / "file").touch()

    with Namespaces():
        command.run(["mount", "--bind", str(precious), str(given / "point")])
        assert os.listdir(given / "point") == ["file"]
    MemoryDisk.give_back(given)

    assert os.listdir(tmp_path) == ["precious"]
    assert os.listdir(precious) == ["file"]
