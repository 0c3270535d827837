"""Pods that are hard to end, on a booted host: nothing of their cgroups may stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.pods_on_host import SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods, StartedPod

_STAY = "exec sleep 300"
_BOMB = "trap '' TERM; f() { f | f & }; echo go; while :; do f; sleep 1; done"
# The hierarchies that have the group: cgroup2, and on hybrid hosts its mirror.
_TOPS = 'for top in "/sys/fs/cgroup$1" "/sys/fs/cgroup/unified$1" "/sys/fs/cgroup/systemd$1"; do'
_GONE = f"{_TOPS} test ! -d $top || exit 1; done"
_FREEZE = (
    f"{_TOPS} test ! -f $top/payload/cgroup.freeze || echo 1 >$top/payload/cgroup.freeze; done"
)
_MANY = (
    f"{_TOPS} test ! -d $top/payload || for i in $(seq 300); do"
    " mkdir $top/payload/system.slice/shell.service/x$i; done; done"
)


def check_a_frozen_service_is_ended_by_force(pods: Pods) -> None:
    """Freeze a pod with many groups: while systemd removes them nobody else may begin to."""
    pod = pods.as_service(pods.argv(SHELL, _STAY)).wait_active()
    pods.host.sh(_FREEZE, pod.group)
    pods.host.sh(_MANY, pod.group)
    pods.rktpy("stop", "--force", pod.uuid)
    pods.rktpy("gc", "--grace-period=0s")
    _wait_gone(pod)


def check_a_frozen_pod_without_supervisor_is_collected(pods: Pods) -> None:
    """Kill the nspawn of a pod in a scope, with the rest of it frozen."""
    pod = pods.from_shell(pods.argv(SHELL, _STAY)).wait_active()
    assert pod.process is not None
    pods.host.sh(_FREEZE, pod.group)
    pod.process.kill(9)
    pod.wait_end()
    pods.rktpy("gc", "--grace-period=0s")
    pod.wait_unregistered()
    _wait_gone(pod)


def check_what_a_service_may_leave_is_collected(pods: Pods) -> None:
    """Kill the nspawn of a service whose unit lets the rest live; systemd removes the group."""
    pod = pods.as_service(pods.untied(SHELL, _STAY), KillMode="process").wait_active()
    pods.host.sh('kill -9 "$(systemctl show -p MainPID --value "$1")"', pod.unit)
    pod.wait_end()
    alive = pod.processes("shell")
    pods.rktpy("gc", "--grace-period=0s")
    _wait_gone(pod)

    assert len(alive) == 1
    assert pods.states() == {}


def check_a_fork_bomb_ends(pods: Pods, script: str) -> None:
    """Let ``script`` end a pod, unit $1 and UUID $2, whose app forks for ever and is deaf."""
    argv = [*pods.argv(SHELL), "--pids-limit=40", "--", _BOMB]
    pod = pods.as_service(argv, TimeoutStopSec="5s").wait_active()
    pods.host.sh(script, pod.unit, pod.uuid)
    pod.wait_end()
    _wait_gone(pod)


def _wait_gone(pod: StartedPod) -> None:
    pod.pods.host.wait_until(_GONE, pod.group)
