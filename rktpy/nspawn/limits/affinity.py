"""``CPUAffinity=`` of a unit, kept where the kernel would forget it.

nspawn passes on to the pod every controller that its own group has, cpuset with them. Before Linux
6.2 a process that comes into a group with that controller loses the affinity it was given
(kernel da019032819a, "sched: Enforce user requested affinity"). There a pod with an affinity gets a
group between those of the unit and of nspawn, which has all controllers but cpuset.
"""

from __future__ import annotations

import os

from rktpy import log
from rktpy.host.cgroup.files import read, write
from rktpy.host.cgroup.hierarchy import UNIFIED
from rktpy.host.cgroup.leaf import step_aside
from rktpy.systemd.unit import SERVICE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.systemd.unit import Placement

APART = "pod"  # the group between
_KEEPING = (6, 2)  # the first Linux that keeps an affinity
_TOP = "/sys/fs/cgroup"
_logger = log.Logger("stage1")


def place_apart(placement: Placement, mode: str, linux: str = "") -> Placement:
    """Return where the pod of this process is to go: another place if ``placement`` would lose
    its affinity, else ``placement``.

    ``mode`` is that of the host's cgroups, ``linux`` the release of its kernel (default: ask).
    Nothing is made; ``go_apart`` does that.
    """
    if mode != UNIFIED or placement.kind != SERVICE:
        return placement
    if release(linux or os.uname().release) >= _KEEPING:
        return placement
    if "cpuset" not in read(f"{_TOP}{placement.own}/cgroup.controllers").split():
        return placement
    if os.sched_getaffinity(0) >= cpus(read(f"{_TOP}{placement.own}/cpuset.cpus.effective")):
        return placement
    own = f"{placement.own}/{APART}"
    return placement.replace(own=own, subcgroup=f"{own[1:]}/payload")


def go_apart(before: Placement, placement: Placement) -> None:
    """Take this process where ``place_apart`` wants it; it is alone where it was ``before``.

    If the kernel refuses, the pod loses its limits or its affinity, with a warning.
    """
    if placement.own == before.own:
        return
    group = f"{_TOP}{before.own}"
    try:
        step_aside(group, APART)
        for controller in read(f"{group}/cgroup.controllers").split():
            if controller != "cpuset":
                write(f"{group}/cgroup.subtree_control", f"+{controller}")
    except OSError as error:
        _logger.warning("warning: limits of apps, or the unit's CPU affinity, are lost: %s", error)


def release(text: str) -> tuple[int, ...]:
    """Return the first two numbers of the kernel's release ``text``, () if it has none."""
    words = text.split("-")[0].split(".")[:2]
    return tuple(int(word) for word in words if word.isascii() and word.isdigit())


def cpus(text: str) -> set[int]:
    """Return the numbers in a list of the kernel's, like ``0-3,7``."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            found.update(range(int(first), int(last or first) + 1))
    return found
