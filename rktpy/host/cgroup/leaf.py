"""cgroup2: groups without controllers for those below, which alone may have processes of their own.

``cgroup.subtree_control`` outlives what it was set for. As long as it names a controller that
shares out memory or disks, the kernel lets nobody in (cgroups(7), "no internal processes").
"""

from __future__ import annotations

import os
import time

from rktpy.host.cgroup.files import read, walk, write

_PATIENCE = 5.0  # seconds that the dead may take to leave
_POLL = 0.005


def step_aside(directory: str, name: str, pid: int = 0) -> None:
    """Move the process ``pid`` (0: the caller) from the group ``directory`` to ``name`` below it.

    Raises:
        OSError: the kernel refuses.
    """
    os.makedirs(f"{directory}/{name}", exist_ok=True)
    write(f"{directory}/{name}/cgroup.procs", str(pid))


def step_back(directory: str, name: str) -> None:
    """Move the caller back from ``name`` to ``directory``, which must be a leaf, and remove it.

    Raises:
        OSError: the kernel refuses.
    """
    write(f"{directory}/cgroup.procs", "0")
    os.rmdir(f"{directory}/{name}")


def make_leaf(directory: str, *, without: tuple[str, ...]) -> None:
    """Remove the groups ``without`` below ``directory``, and switch off all that it has for others.

    Raises:
        OSError: something still runs there, or another group below has controllers as well.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            for name in without:
                for folder in reversed(list(walk(f"{directory}/{name}"))):
                    os.rmdir(folder)
            for controller in read(f"{directory}/cgroup.subtree_control").split():
                write(f"{directory}/cgroup.subtree_control", f"-{controller}")
        except OSError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_POLL)  # a process may be dead before the kernel has taken it off its books
        else:
            return
