"""Fuzzing as root: what gets out is seen, and what was found once is not found again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import room

CRASHES = Path(room.__file__).parent / "crashes"
_ESCAPES = {
    "a file above": "open('../new', 'w')",
    "a file changed": "open('../canary', 'a').write('x')",
    "another mode": "os.chmod('../canary.d/inner', 0o4755)",
    "another owner": "os.chown('../../canary', 1, 1)",
    "one more name": "os.link('../canary', '../other')",
    "a link replaced": "os.unlink('../../link'); os.symlink('x', '../../link')",
}


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def _in_the_room(act: str, *, locked: bool) -> subprocess.CompletedProcess[str]:
    lock = "room.lock();" if locked else ""
    return _python(
        "import os; from tests.fuzz.room import Room; room = Room();"
        f"{lock} room.fresh(); room.check(); {act}; room.check()"
    )


@pytest.mark.parametrize("act", _ESCAPES.values(), ids=_ESCAPES)
@pytest.mark.parametrize("locked", [False, True])
def test_whatever_gets_out_of_the_target_is_seen(act: str, *, locked: bool) -> None:
    result = _in_the_room(act, locked=locked)

    assert result.returncode == 1
    assert "outside of the target" in result.stderr


def test_what_stays_in_the_target_is_fine() -> None:
    result = _in_the_room("os.mkdir('d'); open('d/f', 'w'); os.mkfifo('p')", locked=True)

    assert (result.returncode, result.stderr) == (0, "")


def test_what_once_was_found_as_root_is_not_found_again() -> None:
    rooted = ("unpack-", "layer-", "receive-", "worker-")
    paths = [str(path) for path in sorted(CRASHES.iterdir()) if path.name.startswith(rooted)]

    result = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--replay", *paths],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert result.returncode == 0, result.stdout
    assert result.stdout.count(": 0 found") == len(paths)


def test_a_short_run_of_the_worker_finds_nothing_and_says_what_it_did(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--seconds=4", "--target=worker,unpack", "--seed=1",
         f"--out={tmp_path}"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    lines = result.stdout.splitlines()
    assert result.returncode == 0, result.stdout
    assert lines[0].startswith("seed 1, 2 targets, ")
    assert {line.split()[0] for line in lines[2:4]} == {"worker", "unpack"}
    assert all(int(line.split()[1]) > 0 for line in lines[2:4])
