"""Pods on a host with pure cgroup v2: placement and limits as the guest's kernel enforces them.

A pod takes seconds here, so each test asks all it wants to know of one or two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.placement_on_host import check_place
from tests.support.pods_on_host import SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods

STAY = "echo up; exec sleep 1000"
EAT = "exec dd if=/dev/zero of=/dev/null bs=200M count=1"


def test_a_service_is_the_pod(pods: Pods) -> None:
    pod = pods.as_service(pods.argv(SHELL, STAY), MemoryMax="100M", CPUQuota="50%").wait_active()
    check_place(pod)
    limits = pods.host.sh('cd "/sys/fs/cgroup$1"; cat memory.max cpu.max', pod.group).stdout
    pods.host.run(["systemctl", "stop", pod.unit])

    assert limits == f"{100 << 20}\n50000 100000\n"
    assert pod.properties("ActiveState", "Result") == {
        "ActiveState": "inactive",
        "Result": "success",
    }
    assert pods.states() == {pod.uuid: "exited"}


def test_a_pod_from_a_shell_has_a_scope_and_ends_by_machinectl(pods: Pods) -> None:
    pod = pods.from_shell(pods.argv(SHELL, STAY)).wait_active()
    check_place(pod)
    pods.host.run(["machinectl", "poweroff", pod.machine])

    assert pod.wait_end() == 0
    assert "up" in pods.rktpy("logs", pod.uuid)


def test_the_app_s_exit_status_is_the_service_s(pods: Pods) -> None:
    pod = pods.as_transient(pods.argv(SHELL, "exit 7"))

    assert pod.wait_end() == 7
    assert pod.status()["app-shell"] == "7"


def test_an_app_that_eats_more_than_its_memory_limit_is_killed(pods: Pods) -> None:
    """The limit is the app's own, inside the pod: nothing on the host has one."""
    limited = pods.argv(SHELL)
    pod = pods.as_transient([*limited, "--memory=50M", "--cpu=500m", "--", EAT])
    assert pod.process is not None
    result = pod.process.wait(timeout=120)

    assert (result.status, result.stderr) == (9, "")
    assert pod.status()["app-shell"] == "9"
    assert "oom-kill" in pods.journal("--dmesg")
    assert pods.as_transient([*limited, "--memory=400M", "--", EAT]).wait_end() == 0


def test_a_unit_without_delegation_is_told_which_limits_do_not_hold(pods: Pods) -> None:
    limits = ["--memory=50M", "--cpu=500m"]
    pod = pods.as_transient([*pods.argv(SHELL), *limits, "--", "exit 0"], Delegate="no")
    assert pod.process is not None
    said = pod.process.wait(timeout=120).stderr

    assert "resource/memory" not in said
    assert "resource/cpu isolator set but not enforced here (add Delegate=yes to pod-" in said


def test_an_app_in_a_pipeline_is_held_to_its_limit_as_well(pods: Pods) -> None:
    """Whoever hands over the streams must not keep nspawn from passing the controllers on."""
    service = "systemd-run --quiet --wait --pipe --property=KillMode=mixed --property=Delegate=yes"
    argv = [*pods.argv(SHELL, options=("-i",)), "--memory=50M", "--", f"echo up; {EAT}"]
    done = pods.host.sh(f'echo | {service} "$@"', *argv, status=9, timeout=120)

    assert (done.stdout, done.stderr) == ("up\n", "")


def test_files_of_the_kernel_are_hidden_or_read_only(pods: Pods) -> None:
    """Here are the two files that rkt's test takes; not every kernel has them."""
    look = "busybox stat -c %A /proc/kcore /sys/firmware; echo h > /proc/sysrq-trigger"

    said = pods.run(SHELL, look, status=1).stdout

    assert ": ----------" in said
    assert ": d---------" in said
    assert "/proc/sysrq-trigger: Read-only file system" in said
