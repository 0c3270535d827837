from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import scratch
from tests.support.fence import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def take(tmp_path: Path, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a process that takes its place below ``tmp_path``."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"import os, sys; from tests.support.scratch import take_place\n{script}",
        ],
        cwd=ROOT,
        env={"TMPDIR": str(tmp_path), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def home(tmp_path: Path) -> Path:
    return tmp_path / f"rktpy-tests-{os.geteuid()}"


def test_a_run_has_a_place_of_its_own_and_takes_it_away(tmp_path: Path) -> None:
    done = take(
        tmp_path,
        "place, above = take_place(); print(place, above, os.path.isdir(place), sep='\\n')",
    )

    place, above, there = done.stdout.splitlines()
    assert (os.path.dirname(place), above, there) == (above, str(home(tmp_path)), "True")
    assert os.listdir(above) == []


def test_what_a_test_has_closed_to_itself_goes_too(tmp_path: Path) -> None:
    done = take(
        tmp_path, "place, _ = take_place(); os.makedirs(place + '/a/b'); os.chmod(place + '/a', 0)"
    )

    assert done.stderr == ""
    assert os.listdir(home(tmp_path)) == []


def test_what_a_killed_run_left_goes_with_the_next(tmp_path: Path) -> None:
    take(tmp_path, "place, _ = take_place(); os.mkdir(place + '/full'); os.kill(os.getpid(), 9)")
    assert len(os.listdir(home(tmp_path))) == 1

    take(tmp_path, "take_place()")

    assert os.listdir(home(tmp_path)) == []


def test_a_run_that_goes_on_keeps_its_own(tmp_path: Path) -> None:
    place = home(tmp_path) / "running"
    place.mkdir(parents=True)

    with contextlib.closing(scratch.Locked(str(place), wait=False)):
        take(tmp_path, "take_place()")

    assert os.listdir(home(tmp_path)) == ["running"]


def test_a_fork_does_not_take_it_away(tmp_path: Path) -> None:
    done = take(
        tmp_path,
        "place, _ = take_place()\n"
        "if os.fork() == 0: sys.exit()\n"
        "os.wait(); print(os.path.isdir(place))",
    )

    assert done.stdout == "True\n"


def test_the_place_that_the_caller_names_is_the_callers(tmp_path: Path) -> None:
    named = tmp_path / "named"
    named.mkdir()

    done = take(tmp_path, "print(*take_place())", PYTEST_DEBUG_TEMPROOT=str(named))

    place, above = done.stdout.split()
    assert (os.path.dirname(place), above) == (str(named), str(named))
    assert os.listdir(tmp_path) == ["named"]
    assert os.path.isdir(place)


@pytest.mark.parametrize("what", ["link", "file"])
def test_what_somebody_else_put_there_is_refused(tmp_path: Path, what: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "kept").mkdir(parents=True)
    if what == "link":
        home(tmp_path).symlink_to(elsewhere)
    else:
        home(tmp_path).touch()

    done = take(tmp_path, "take_place()")

    assert done.returncode == 1
    assert os.fspath(home(tmp_path)) in done.stderr.splitlines()[-1]
    assert os.listdir(elsewhere) == ["kept"]
