"""Cgroups of the tests: what a killed run left ends with the next one."""

from __future__ import annotations

import os
import signal
import subprocess

from tests.support import leaks
from tests.support.cgroups import make_cgroups, remove_cgroups


def test_what_a_killed_run_left_running_is_ended_and_not_waited_for() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = subprocess.Popen(["sleep", "600"])
    old = [f"{own}/rktpy-test-{gone.pid}" for own in leaks.own_cgroups()]
    for path in old:
        os.mkdir(path)
        _open(path)
        with open(f"{path}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(f"{left.pid}")

    made = make_cgroups("test-again")

    remove_cgroups(made)
    assert [path for path in old if os.path.exists(path)] == []
    assert left.wait() == -signal.SIGKILL


def _open(path: str) -> None:
    """Let processes into a cgroup of v1's cpuset."""
    for knob in ("cpuset.cpus", "cpuset.mems"):
        above = f"{os.path.dirname(path)}/{knob}"
        if os.path.isfile(f"{path}/{knob}") and os.path.isfile(f"{path}/notify_on_release"):
            with open(above, encoding="ascii") as given, open(f"{path}/{knob}", "w") as file:
                file.write(given.read())
