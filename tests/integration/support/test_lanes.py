"""``.ci/run`` has two lanes: both run at once, both are seen, and one that fails makes the run red.

The targets of the Makefile are an executable ``make`` on ``PATH``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.rk import until
from tests.support.fence import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

# A lane tells that it began, and waits for the file of the other, or for one that never comes. Bash
# may lose a SIGINT to a command that has just ended.
MAKE = f"""\
#!{sys.executable} -IS
import os, signal, sys, time

def told(*_):
    open(f"{{target}}.told", "w").close()
    sys.exit(1)

target = sys.argv[1]
print(target, "begins", flush=True)
if target not in ("test", "test-vm"):
    sys.exit(target == "lint" and int(os.environ["LINT"]))
os.chdir(os.environ["PLACE"])
signal.signal(signal.SIGINT, told)
other = {{"test": "test-vm", "test-vm": "test"}}[target]
open(target, "w").close()
end = time.monotonic() + 60
while not os.path.exists(os.environ["WAITS_FOR"] or other):
    if time.monotonic() > end:
        sys.exit("alone")
    time.sleep(0.01)
if target == os.environ["SLOW"]:
    time.sleep(0.3)
if target == os.environ["RED"]:
    print("1 failed in", target)
    sys.exit(2)
print("9 passed in", target)
"""
PATIENCE = 120.0  # seconds


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in (".ci", "bin", "tmp"):
        (tmp_path / name).mkdir()
    shutil.copy(Path(ROOT, ".ci/run"), tmp_path / ".ci/run")
    (tmp_path / "bin/make").write_text(MAKE)
    (tmp_path / "bin/make").chmod(0o755)
    return tmp_path


def start(place: Path, **settings: str) -> subprocess.Popen[str]:
    path = f"{place}/bin:{os.environ['PATH']}"
    given = {"PATH": path, "PLACE": str(place), "TMPDIR": f"{place}/tmp"}
    given |= {"LINT": "0", "SLOW": "", "RED": "", "WAITS_FOR": ""}
    return subprocess.Popen(
        [place / ".ci/run"], env=os.environ | given | settings, text=True, cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def lines(ci: subprocess.Popen[str]) -> list[str]:
    return ci.communicate(timeout=PATIENCE)[0].splitlines()


@pytest.mark.parametrize("slow", ["test-vm", "test"])
def test_the_last_line_is_that_of_make_test(place: Path, slow: str) -> None:
    ci = start(place, SLOW=slow)

    assert lines(ci) == [
        "setup begins", "lint begins",
        "test-vm begins", "9 passed in test-vm", "test begins", "9 passed in test",
    ]  # fmt: skip
    assert ci.returncode == 0
    assert os.listdir(place / "tmp") == []


@pytest.mark.parametrize("slow", ["test-vm", "test"])
@pytest.mark.parametrize("red", ["test-vm", "test"])
def test_a_lane_that_fails_has_the_last_word(place: Path, slow: str, red: str) -> None:
    ci = start(place, SLOW=slow, RED=red)
    said = lines(ci)

    assert ci.returncode == 2
    assert said[-1] == f"1 failed in {red}"
    assert f"9 passed in {'test' if red == 'test-vm' else 'test-vm'}" in said


def test_no_lane_begins_if_lint_fails(place: Path) -> None:
    ci = start(place, LINT="1")

    assert (lines(ci), ci.returncode) == (["setup begins", "lint begins"], 1)


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def waiting(place: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A run whose lanes wait, and that is told to end."""
    ci = start(place, WAITS_FOR="never")
    until(lambda: all(Path(place, lane).exists() for lane in ("test", "test-vm")), "two lanes")
    ci.send_signal(request.param)
    yield ci
    ci.kill()
    ci.communicate()


def test_lanes_end_in_order_with_the_run(place: Path, waiting: subprocess.Popen[str]) -> None:
    lines(waiting)

    assert waiting.returncode in (130, 143)
    assert sorted(path.name for path in place.glob("*.told")) == ["test-vm.told", "test.told"]
    assert os.listdir(place / "tmp") == []
