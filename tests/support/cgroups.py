"""Cgroups the tests make for themselves below the one they run in, in every hierarchy."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

from tests.support import leaks

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "rktpy-"


def make_cgroups(purpose: str) -> list[str]:
    """Make a cgroup below ours in each mounted hierarchy; return the directories.

    ``purpose`` begins with ``host`` or ``test``; the name ends in our process id, so that what
    a killed run left is removed by the next one.
    """
    made = []
    for own in leaks.own_cgroups():
        remove_cgroups([path for path in _with_owner(own) if not _is_alive(path)], kill=True)
        path = f"{own}/{PREFIX}{purpose}-{os.getpid()}"
        os.mkdir(path)
        made.append(path)
        for knob in ("cpuset.cpus", "cpuset.mems"):  # v1: empty at first, and nothing may enter
            if os.path.isfile(f"{own}/{knob}") and os.path.isfile(f"{own}/notify_on_release"):
                shutil.copyfile(f"{own}/{knob}", f"{path}/{knob}")
    return made


def _with_owner(parent: str) -> list[str]:
    wanted = [f"{PREFIX}{purpose}-" for purpose in ("host", "test")]
    names = [name for name in os.listdir(parent) if name.startswith(tuple(wanted))]
    return [f"{parent}/{name}" for name in names]


def _is_alive(path: str) -> bool:
    pid = path.rpartition("-")[2]
    return not pid.isdigit() or os.path.isdir(f"/proc/{pid}")


def remove_cgroups(paths: Sequence[str], *, kill: bool = False) -> None:
    """Remove the cgroups and all below them; processes that die slowly get ten seconds. With
    ``kill`` they are told to: those of a run that was killed itself would never go.
    """
    end = time.monotonic() + 10
    for root in paths:
        for where, _, _ in list(os.walk(root, topdown=False)):
            while os.path.isdir(where):
                if kill:
                    _kill_all_in(where)
                try:
                    os.rmdir(where)
                except OSError:
                    if time.monotonic() > end:
                        break
                    time.sleep(0.05)


def _kill_all_in(cgroup: str) -> None:
    with contextlib.suppress(OSError), open(f"{cgroup}/cgroup.procs", encoding="ascii") as file:
        for pid in map(int, file.read().split()):
            if pid:  # 0 is one that we cannot see, and to kill(2) all of ours
                os.kill(pid, signal.SIGKILL)
