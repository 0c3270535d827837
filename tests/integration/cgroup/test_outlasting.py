"""A process that stays behind its pod, in a control group of this host; the pod is a shell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.cgroups import make_cgroups, remove_cgroups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytestmark = pytest.mark.integration

PATIENCE = 60.0
# Like nspawn: the pod goes to one group, its supervisor to another.
_RUN = """
import os, sys
from rktpy.verbs.start.outlasting import outlast
group = sys.argv[1]
with open(f"{group}/cgroup.procs", "w") as file:
    file.write("0")
outlast(group)
for name in ("payload", "payload/inner", "supervisor"):
    os.makedirs(f"{group}/{name}", exist_ok=True)
with open(f"{group}/payload/inner/cgroup.procs", "w") as file:
    file.write("0")
os.execv("/bin/sh", ["sh", "-c", sys.argv[2]])
"""

# It says so when there is something for a trap to kill: -9, as before its exec it has the trap too.
_STAY = "sleep 300 & echo up; wait"


@pytest.fixture
def group() -> Iterator[str]:
    """A group of cgroup2's."""
    made = make_cgroups("test-outlasting")
    try:
        yield next(path for path in made if os.path.exists(f"{path}/cgroup.subtree_control"))
    finally:
        remove_cgroups(made)


def start(group: str, script: str, *, tracer: Sequence[str] = ()) -> subprocess.Popen[str]:
    argv = [*tracer, sys.executable, "-c", _RUN, group, script]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def members(group: str) -> list[str]:
    with open(f"{group}/cgroup.procs", encoding="ascii") as file:
        return file.read().split()


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", -9)]
)
def test_it_ends_as_the_pod_and_leaves_the_group_as_it_was(
    group: str, script: str, status: int
) -> None:
    process = start(group, script)
    process.communicate(timeout=PATIENCE)

    assert process.returncode == status
    assert [name for name in os.listdir(group) if os.path.isdir(f"{group}/{name}")] == []
    assert members(group) == []


def test_while_the_pod_runs_the_group_itself_is_empty(group: str) -> None:
    process = start(group, f"trap 'kill -9 $!; exit' TERM; {_STAY}")
    assert process.stdout is not None
    process.stdout.readline()
    waiting = members(f"{group}/supervisor")
    inside = members(group)
    process.terminate()
    process.communicate(timeout=PATIENCE)

    assert waiting == [str(process.pid)]
    assert inside == []


def test_what_it_is_sent_the_pod_hears(group: str) -> None:
    process = start(group, f"trap 'kill -9 $!; exit 3' TERM; {_STAY}")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)

    assert process.returncode == 3
    assert os.path.isdir(f"{group}/payload") is False


def test_a_signal_at_the_moment_in_which_the_pod_ends_changes_nothing(group: str) -> None:
    """One is sent whenever it is about to reap the pod."""
    told = ["strace", "-qq", "--output=/dev/null", "--trace=wait4", "--inject=wait4:signal=SIGTERM"]
    process = start(group, "trap '' TERM; exit 7", tracer=told)
    process.communicate(timeout=PATIENCE)

    assert process.returncode == 7
    assert [name for name in os.listdir(group) if os.path.isdir(f"{group}/{name}")] == []


def test_a_pod_whose_starter_is_killed_is_asked_to_end(group: str) -> None:
    process = start(group, f"trap 'echo orderly; kill -9 $!; exit 0' TERM; {_STAY}")
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    said, _ = process.communicate(timeout=PATIENCE)
    wait_until(lambda: members(f"{group}/payload/inner") == [])

    assert said == "orderly\n"
