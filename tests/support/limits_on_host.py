"""What limits and the device policy are on a booted host, whichever its kernel and cgroups are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.pods_on_host import FORMS, RKTPY, SHELL, shell
from tests.support.throttling import counters, shares_awake

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.pods_on_host import Pods, StartedPod

_EAT = "exec dd if=/dev/zero of=/dev/null bs=150M count=1"
_FORK = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 60 & done; echo enough"
_BURN = "while :; do :; done"
_LOOK = (
    "/bin/busybox mknod /own c 10 237 && echo made; true </own && echo opened;"
    " true </nodes/control && echo brought; echo x >/dev/null && echo usable; exit 0"
)
_NODES = "/srv/limits-nodes"
_LIMITS = ("--memory=40M", "--cpu=300m", "--pids-limit=10")
_SLOW = "example.com/shell-slow"
_BLOCK = (
    {"name": "resource/block-bandwidth", "value": {"default": True, "limit": "1Mi"}},
    {"name": "resource/block-iops", "value": {"default": True, "limit": "64"}},
)
_WRITE = (
    "cat /proc/uptime; dd if=/dev/zero of=/file bs=64k count=48 oflag=direct 2>/dev/null ||"
    " echo no; cat /proc/uptime"
)
_NAMES = ("resource/memory", "resource/cpu", "rktpy/pids-limit")


def check_limits_hold(pods: Pods, form: str) -> None:
    """Run an eater, a burner and a fork bomb in one of ``FORMS`` with a foreground."""
    start = FORMS[form]
    eater = start(pods, [*pods.argv(SHELL), *_LIMITS, "--", _EAT])
    assert eater.process is not None
    result = eater.process.wait(timeout=60 * pods.host.slowness)
    bomb = start(pods, [*pods.argv(SHELL), *_LIMITS, "--", _FORK])
    assert bomb.process is not None
    bombed = bomb.process.wait(timeout=60 * pods.host.slowness)

    assert (result.status, result.stderr) == (9, ""), result
    assert eater.status()["oom-shell"] == "true"
    assert [one["enforced"] for one in isolators(pods, eater)] == [True, True, True]
    assert "can't fork: Resource temporarily unavailable" in bombed.stdout
    assert "enough" not in bombed.stdout
    least, most = _shares_of_a_burner(start(pods, [*pods.argv(SHELL), *_LIMITS, "--", _BURN]))
    assert least <= 0.33
    assert most >= 0.27


def slow_shell(path: Path) -> None:
    """Write ``shell`` with limits for disks."""
    shell(path, _SLOW, app={"isolators": list(_BLOCK)})


def check_disks_are_slowed_down(pods: Pods) -> None:
    """Write three MiB where one may be written in a second; needs ``slow_shell``."""
    pod = pods.as_transient(pods.argv(_SLOW, _WRITE))
    assert pod.process is not None
    said = pod.process.wait(timeout=60 * pods.host.slowness)
    began, ended = (float(line.split()[-2]) for line in said.stdout.splitlines())

    assert (said.status, said.stderr) == (0, "")
    assert [one["enforced"] for one in isolators(pods, pod)] == [True, True]
    assert ended - began > 2.5


def check_limits_in_vain_are_told(pods: Pods) -> None:
    """Start a pod as a service whose controllers are not all its own."""
    pod = pods.as_transient([*pods.argv(SHELL), *_LIMITS, "--", "exit 0"], Delegate="no")
    assert pod.process is not None
    said = pod.process.wait(timeout=60 * pods.host.slowness)
    found = isolators(pods, pod)
    vain = [one["name"] for one in found if not one["enforced"]]

    assert said.status == 0
    assert [one["name"] for one in found] == list(_NAMES)
    for name in _NAMES:
        told = f"warning: {name} isolator set but not enforced here (" in said.stderr
        assert told == (name in vain), said.stderr
    assert vain


def check_devices_are_fenced(pods: Pods, form: str) -> None:
    """Try to use a device that was not given, one's own node and one of the host's."""
    host = pods.host
    host.sh(
        f"mkdir -p {_NODES}; test -c {_NODES}/control || mknod -m 666 {_NODES}/control c 10 237"
    )
    volume = (f"--volume=nodes,kind=host,source={_NODES}", "--mount=volume=nodes,target=/nodes")
    pod = FORMS[form](pods, pods.argv(SHELL, _LOOK, options=volume))
    pod.wait_end()
    lines = pods.rktpy("logs", pod.uuid).splitlines()
    (policy,) = json.loads(pods.rktpy("status", "--format=json", pod.uuid))["isolators"]
    host.sh(f"rm -r {_NODES}")

    assert policy["enforced"], policy
    assert [word for word in ("made", "opened", "brought") if word in " ".join(lines)] == []
    assert any("usable" in line for line in lines)


def isolators(pods: Pods, pod: StartedPod) -> list[dict[str, Any]]:
    """Return what ``status`` says about the isolators of the pod's only app."""
    document = json.loads(pods.rktpy("status", "--format=json", pod.uuid))
    found: list[dict[str, Any]] = document["apps"][0]["isolators"]
    return found


def _shares_of_a_burner(pod: StartedPod) -> tuple[float, float]:
    """Return the ``shares`` of an app that wants all of a processor."""
    host = pod.wait_active().pods.host
    # In cgroup v1 the periods are counted in another hierarchy than the usage.
    below = '"$1"$part/system.slice/shell.service/cpu.stat'
    look = (
        "for part in '' /payload; do"
        f" cat /sys/fs/cgroup{below} /sys/fs/cgroup/*{below} 2>/dev/null || :; done"
    )
    found = shares_awake(
        lambda: counters(host.sh(look, pod.group).stdout), 0.27, patience=60 * host.slowness
    )
    host.run([RKTPY, "stop", "--force", pod.uuid])
    pod.wait_end()
    return found
