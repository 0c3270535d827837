"""What the resource settings of a unit do to the pod in it, on a booted host."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.pods_on_host import SHELL
from tests.support.throttling import counters, shares_awake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.pods_on_host import Pods, StartedPod

# Write three MiB, fork more than may be, then want a whole processor.
_WORK = (
    "cat /proc/uptime; dd if=/dev/zero of=/file bs=64k count=48 oflag=direct 2>/dev/null;"
    " cat /proc/uptime; (for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 300 & done);"
    " while :; do :; done"
)
_BURN = "echo up; while :; do :; done"
_WRITE = "echo up; while :; do dd if=/dev/zero of=/file bs=64k count=64 oflag=direct; done"
# More than the unit may have, read from the disk again and again: a cache of it can be given up.
_READ = (
    "dd if=/dev/zero of=/file bs=1M count=96 oflag=direct;"
    " while :; do cat /file >/dev/null; echo read; done"
)
_HIGH = 48 << 20
_EAT = "exec dd if=/dev/zero of=/dev/null bs=150M count=1"
_SETTINGS = {
    "CPUQuota": "30%", "CPUWeight": "50", "AllowedCPUs": "1", "MemoryMax": "100M",
    "MemoryHigh": "90M", "TasksMax": "14", "IOWeight": "50", "IOWriteBandwidthMax": "/ 1M",
}  # fmt: skip
# As ``systemctl show`` has them, on every host.
_SHOWN = {
    "CPUQuotaPerSecUSec": "300ms", "CPUWeight": "50", "AllowedCPUs": "1",
    "MemoryMax": str(100 << 20), "MemoryHigh": str(90 << 20), "TasksMax": "14", "IOWeight": "50",
}  # fmt: skip


def check_settings_of_a_unit_are_kept(pods: Pods) -> StartedPod:
    """Start a service with every setting; show them, change two while it runs."""
    pod = pods.as_service(pods.argv(SHELL, _BURN), script="", wait=True, **_SETTINGS).wait_active()
    shown = pod.properties(*_SHOWN)
    argv = ["systemctl", "set-property", "--runtime", pod.unit, "MemoryMax=70M", "CPUQuota=20%"]
    pods.host.run(argv)

    assert shown == _SHOWN
    assert pod.properties("MemoryMax", "CPUQuotaPerSecUSec") == {
        "MemoryMax": str(70 << 20),
        "CPUQuotaPerSecUSec": "200ms",
    }
    return pod


def check_affinity_of_a_unit_reaches_apps(pods: Pods) -> None:
    """Bind a service to one processor, which needs no controller."""
    pod = pods.as_service(pods.argv(SHELL, "exec sleep 300"), CPUAffinity="1").wait_active()
    group = f"/{pods.subcgroup(pod.uuid).strip('/')}/system.slice/shell.service"
    (process,) = pods.processes(group)
    allowed = pods.host.sh('grep ^Cpus_allowed_list: "/proc/$1/status"', str(process)).stdout

    assert allowed.split() == ["Cpus_allowed_list:", "1"]


def check_limits_of_a_unit_hold(pods: Pods) -> None:
    """Measure a busy pod in a service with limits; only where controllers are systemd's."""
    pod = pods.as_service(pods.argv(SHELL, _WORK), script="", wait=True, **_SETTINGS).wait_active()
    group = f"/sys/fs/cgroup{pod.group}"
    # Until Linux 6.11 a refused fork is counted where the process is, not where the limit is.
    refused = f"{group}/payload/system.slice/shell.service/pids.events"
    pods.host.wait_until('grep -q "^max [1-9]" "$1"', refused)
    found = shares_awake(
        lambda: counters(pods.host.read(f"{group}/cpu.stat")),
        0.27,
        patience=60 * pods.host.slowness,
    )
    began, ended, *_ = (float(line.split()[-2]) for line in pods.rktpy("logs", pod.uuid).split("\n")
                        if line.count(".") > 1)  # fmt: skip
    app = pods.processes(f"{pod.group}/payload/system.slice/shell.service")[0]
    allowed = pods.host.sh('grep ^Cpus_allowed_list: "/proc/$1/status"', str(app)).stdout
    written = pods.host.read(f"{group}/io.stat").split("wbytes=")[1].split()[0]

    assert found[0] <= 0.33
    assert found[1] >= 0.27
    assert allowed.split()[1] == "1"
    assert (pods.host.read(f"{group}/pids.max"), ended - began > 2.5) == ("14\n", True)
    assert int(written) >= 3 << 20
    assert pods.host.read(f"{group}/io.weight") == "default 50\n"
    assert pods.host.read(f"{group}/memory.high") == f"{90 << 20}\n"
    _check_figures_agree(pod)
    pods.host.run(["systemctl", "set-property", "--runtime", pod.unit,
                   "MemoryMax=70M", "CPUQuota=20%", "AllowedCPUs=0"])  # fmt: skip
    written = pods.host.sh('cd "$1"; cat memory.max cpu.max cpuset.cpus.effective', group).stdout
    assert written == f"{70 << 20}\n20000 100000\n0\n"


def _check_figures_agree(pod: StartedPod) -> None:
    """Compare systemd, systemd-cgtop and ``top``; each reads later than the one before."""
    host, names = pod.pods.host, ("CPUUsageNSec", "TasksCurrent", "MemoryCurrent")
    before = pod.properties(*names)
    (row,) = json.loads(pod.pods.rktpy("top", "--format=json", "--interval=0.1s", pod.uuid))
    after = pod.properties(*names)
    listed = host.run(["systemd-cgtop", "-b", "-n", "1", "--raw", pod.group]).stdout
    tasks, _, memory, *_ = next(
        line.split()[1:] for line in listed.splitlines() if line.split()[0] == pod.group
    )

    assert int(before["CPUUsageNSec"]) <= row["cpu_time_ns"] <= int(after["CPUUsageNSec"])
    assert before["TasksCurrent"] == str(row["pids"]) == tasks
    assert 0 < row["memory"] <= int(after["MemoryCurrent"]) + (8 << 20)
    assert row["memory_limit"] == 100 << 20
    assert int(memory) > 0


def check_a_unit_s_memory_ends_the_app(pods: Pods) -> None:
    """Let an app take more than its unit has, and ask the kernel whose limit that was."""
    pod = pods.as_transient(pods.argv(SHELL, _EAT), MemoryMax="60M", MemorySwapMax="0",
                            OOMPolicy="continue")  # fmt: skip

    assert pod.wait_end() == 9
    assert f"oom_memcg={pod.group},task_memcg={pod.group}/payload/" in pods.journal("--dmesg")


def check_processor_time_is_weighed(pods: Pods) -> None:
    """Let two busy pods share one processor, the second with four times the weight."""
    one, two = (
        pods.as_service(pods.argv(SHELL, _BURN), AllowedCPUs="1", CPUWeight=weight).wait_active()
        for weight in ("100", "400")
    )

    def used(pod: StartedPod) -> int:
        return counters(pods.host.read(f"/sys/fs/cgroup{pod.group}/cpu.stat"))["usage_usec"]

    assert 2 < _ratio(one, two, used, enough=3_000_000) < 8


def check_disks_are_weighed(pods: Pods) -> None:
    """Let two pods write to a disk that the kernel takes for a slow one."""
    with _slow_disk(pods):
        one, two = (
            pods.as_service(pods.argv(SHELL, _WRITE), IOWeight=weight).wait_active()
            for weight in ("100", "400")
        )

        def written(pod: StartedPod) -> int:
            text = pods.host.read(f"/sys/fs/cgroup{pod.group}/io.stat")
            return int(f"{text} wbytes=0".split("wbytes=")[1].split()[0])

        ratio = _ratio(one, two, written, enough=16 << 20)
        pods.clean()

    # Less than four: whatever else the guest writes has a share, and so have the pods' systemds.
    assert 1.6 < ratio < 8


def _ratio(
    one: StartedPod, two: StartedPod, used: Callable[[StartedPod], int], *, enough: int
) -> float:
    """Return how much more ``two`` uses than ``one``, once that is ``enough`` together."""
    before = used(one), used(two)
    end = time.monotonic() + 60 * one.pods.host.slowness
    while True:
        first, second = used(one) - before[0], used(two) - before[1]
        if first and first + second >= enough:
            return second / first
        assert time.monotonic() < end, f"used: {first}, {second}"
        time.sleep(0.5)


@contextmanager
def _slow_disk(pods: Pods) -> Iterator[None]:
    """Switch on the controller that weighs (kernel: io.cost), for writes of 4 MiB in a second.

    Without that, or bfq as scheduler, the kernel has weights and does nothing with them.
    """
    disk = pods.host.sh("lsblk --nodeps --noheadings --output=MAJ:MIN /dev/vda").stdout.strip()
    write = 'echo "$1 $2" >"/sys/fs/cgroup/io.cost.$3"'
    model = "ctrl=user model=linear rbps=1000000000 rseqiops=100000 rrandiops=100000"
    quality = "enable=1 ctrl=user rpct=0 rlat=0 wpct=0 wlat=0 min=100 max=100"
    writes = "wbps=4194304 wseqiops=200 wrandiops=200"
    pods.host.sh(write, disk, f"{model} {writes}", "model")
    pods.host.sh(write, disk, quality, "qos")
    try:
        yield
    finally:
        pods.host.sh(write, disk, "enable=0", "qos")


def check_memory_is_taken_back(pods: Pods) -> None:
    """Let an app read a file larger than the memory from which on systemd wants some back."""
    pod = pods.as_service(pods.argv(SHELL, _READ), MemoryHigh=str(_HIGH)).wait_active()
    pods.host.wait_until('test "$(rktpy logs "$1" | grep -c read)" -ge 2', pod.uuid)
    group = f"/sys/fs/cgroup{pod.group}"
    events = counters(pods.host.read(f"{group}/memory.events"))

    assert events["high"] > 0
    assert (events["max"], events["oom_kill"]) == (0, 0)
    assert int(pods.host.read(f"{group}/memory.peak")) < _HIGH * 1.25
