"""A hundred pods that one target starts at once, and what they take of time and memory."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

from tests.support.pods_on_host import RKTPY, SHELL, TRUSTING, quoted_for_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.pods_on_host import Pods

COUNT = 100
TARGET = "hundred.target"
INSTANCES = "/proc/sys/fs/inotify/max_user_instances"
_STAY = "echo up; exec sleep 100000"
_UNITS = "/run/systemd/system"

# Prints the KiB of memory of processes by program, as JSON: of those in cgroups of a name, or of
# the programs named. Pages that several share are divided among them.
MEMORY = r"""
import json, os, sys
kind, *words = sys.argv[1:]
found = []
if kind == "cgroups":
    root = "/sys/fs/cgroup/systemd" if os.path.isdir("/sys/fs/cgroup/systemd") else "/sys/fs/cgroup"
    for where, _, _ in os.walk(root):
        if any(f"/{word}" in where for word in words):
            with open(f"{where}/cgroup.procs") as file:
                found += file.read().split()
else:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with open(f"/proc/{pid}/comm") as file:
            if file.read().strip() in words:
                found.append(pid)
sizes = {}
for pid in found:
    with open(f"/proc/{pid}/comm") as file:
        name = file.read().strip()
    with open(f"/proc/{pid}/smaps_rollup") as file:
        (line,) = (line for line in file if line.startswith("Pss:"))
    sizes[name] = sizes.get(name, 0) + int(line.split()[1])
print(json.dumps(sizes))
"""


@contextlib.contextmanager
def inotify_instances(count: int) -> Iterator[None]:
    """Let the users of this machine have ``count`` inotify instances each, if they have fewer.

    Every pod's systemd needs some, root has 128 by default, and a container cannot change it.
    """
    with open(INSTANCES, encoding="ascii") as file:
        before = file.read()
    try:
        if int(before) < count:
            _write(str(count))
        yield
    finally:
        _write(before)


def write_units(pods: Pods, *nets: str, count: int = COUNT) -> list[str]:
    """Have ``count`` services wanted by one target, as many in each of ``nets``; return them."""
    units: list[str] = []
    for net in nets:
        stem = f"hundred-{net}"
        argv = [*TRUSTING, "run", f"--net={net}", SHELL, "--", _STAY]
        lines = (
            "[Service]", "Type=notify", f"ExecStart={quoted_for_unit(argv)}",
            f"ExecStopPost={RKTPY} gc --mark-only", "KillMode=mixed", "Delegate=yes", "",
        )  # fmt: skip
        pods.host.write(f"{_UNITS}/{stem}@.service", "\n".join(lines))
        units += [f"{stem}@{number}.service" for number in range(count // len(nets))]
    wants = "".join(f"Wants={unit}\n" for unit in units)
    pods.host.write(f"{_UNITS}/{TARGET}", f"[Unit]\n{wants}")
    pods.host.sh("systemctl daemon-reload")
    return units


def remove_units(pods: Pods) -> None:
    """Stop what is left of them and forget them."""
    pods.host.sh(
        f"systemctl stop {TARGET} 'hundred-*'; rm -f {_UNITS}/hundred*; systemctl daemon-reload",
        timeout=300,
    )


def start(pods: Pods) -> float:
    """Start the target; return the seconds until every service is active, or has failed."""
    before = time.monotonic()
    pods.host.run(["systemctl", "start", TARGET], timeout=300)
    return time.monotonic() - before


def stop(pods: Pods, units: Sequence[str]) -> float:
    """Stop the services; return the seconds until all have."""
    before = time.monotonic()
    pods.host.run(["systemctl", "stop", TARGET, *units], timeout=300)
    return time.monotonic() - before


def memory(pods: Pods) -> dict[str, int]:
    """Return the KiB of memory of the services' processes by program."""
    said = pods.host.run(["python3", "-c", MEMORY, "cgroups", "hundred-"])
    sizes: dict[str, int] = json.loads(said.stdout)
    return sizes


def _write(count: str) -> None:
    with open(INSTANCES, "w", encoding="ascii") as file:
        file.write(count)
