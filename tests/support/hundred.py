"""A hundred services that one target starts at once, and what they take of time and memory."""

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
STAY = "echo up; exec sleep 100000"
INSTANCES = "/proc/sys/fs/inotify/max_user_instances"
_UNITS = "/run/systemd/system"
_ACTIVE = "systemctl list-units 'hundred-*.service' --state=active --no-legend --plain | wc -l"

# Prints the KiB of memory of the processes in cgroups of a name by program, as JSON. Pages that
# several share are divided among them (PSS); what the kernel keeps for them is not in it.
_MEMORY = r"""
import json, os, sys
root = "/sys/fs/cgroup/systemd" if os.path.isdir("/sys/fs/cgroup/systemd") else "/sys/fs/cgroup"
sizes = {}
for where, _, _ in os.walk(root):
    if "/hundred-" not in where:
        continue
    with open(f"{where}/cgroup.procs") as file:
        pids = file.read().split()
    for pid in pids:
        try:
            with open(f"/proc/{pid}/comm") as file:
                name = file.read().strip()
            with open(f"/proc/{pid}/smaps_rollup") as file:
                (line,) = (line for line in file if line.startswith("Pss:"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        sizes[name] = sizes.get(name, 0) + int(line.split()[1])
print(json.dumps(sizes))
"""

# Prints the microseconds of processor time, in user space and in the kernel, of all processes of
# the host so far, those that ended included.
_PROCESSOR = r"""
import os
v1 = "/sys/fs/cgroup/cpuacct/cpuacct.usage_"
if os.path.exists(v1 + "user"):
    print(*(int(open(v1 + kind).read()) // 1000 for kind in ("user", "sys")))
else:
    words = open("/sys/fs/cgroup/cpu.stat").read().split()
    said = dict(zip(words[::2], words[1::2]))
    print(said["user_usec"], said["system_usec"])
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
    """Have ``count`` services with pods wanted by one target, as many in each of ``nets``;
    return them.
    """
    services = {}
    for net in nets:
        argv = [*TRUSTING, "run", f"--net={net}", SHELL, "--", STAY]
        services[net] = (
            f"[Service]\nType=notify\nExecStart={quoted_for_unit(argv)}\n"
            f"ExecStopPost={RKTPY} gc --mark-only\nKillMode=mixed\nDelegate=yes\n"
        )
    return write_services(pods, services, count=count)


def write_services(pods: Pods, services: dict[str, str], *, count: int = COUNT) -> list[str]:
    """Have ``count`` services wanted by one target, as many of each text in ``services``, whose
    keys become part of their names; return them.
    """
    units: list[str] = []
    for key, text in services.items():
        stem = f"hundred-{key}"
        pods.host.write(f"{_UNITS}/{stem}@.service", text)
        units += [f"{stem}@{number}.service" for number in range(count // len(services))]
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


def active(pods: Pods) -> int:
    """Return how many of the services are active."""
    return int(pods.host.sh(_ACTIVE).stdout)


def memory(pods: Pods) -> dict[str, int]:
    """Return the KiB of memory of the services' processes by program."""
    said = pods.host.run(["python3", "-c", _MEMORY])
    sizes: dict[str, int] = json.loads(said.stdout)
    return sizes


def processor_seconds(pods: Pods) -> tuple[float, float]:
    """Return the processor time of the whole host since it booted, in user space and kernel.

    Its systemd, machined and journald count: part of their work is for the services. What the
    kernel does in threads of its own (ends of namespaces and of cgroups) does not.
    """
    user, kernel = pods.host.run(["python3", "-c", _PROCESSOR]).stdout.split()
    return int(user) / 1e6, int(kernel) / 1e6


def _write(count: str) -> None:
    with open(INSTANCES, "w", encoding="ascii") as file:
        file.write(count)
