"""The guest is a host with pure cgroup v2 and a kernel of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.ending_on_host import check_end_is_recorded
from tests.support.gc_units_on_host import check_timer_collects
from tests.support.pods_on_host import SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods
    from tests.support.vm import VmHost


def test_the_guest_runs_systemd_on_cgroup_v2(host: VmHost) -> None:
    kind = host.sh("stat -f -c %T /sys/fs/cgroup; cat /sys/fs/cgroup/cgroup.controllers").stdout
    version = host.sh("systemctl --version").stdout.split()[1]

    assert kind.startswith("cgroup2fs\n")
    assert {"cpu", "memory", "pids", "io"} <= set(kind.split())
    assert int(version) >= 252


def test_rktpy_answers_in_the_guest(host: VmHost) -> None:
    assert host.run(["rktpy", "version"]).stdout.startswith("rkt Version: ")


def test_a_memory_limit_is_enforced_on_v2(host: VmHost) -> None:
    argv = ["systemd-run", "--wait", "--pipe", "--quiet", "--collect", "-p", "MemoryMax=60M",
            "-p", "MemorySwapMax=0", "python3", "-c", "bytearray(200 << 20)"]  # fmt: skip

    assert host.run(argv, status=None).status != 0


def test_a_pod_on_v2_exits_with_the_status_of_its_app_and_is_held_to_its_memory(
    pods: Pods,
) -> None:
    run = [*pods.argv(SHELL), "--memory=32M", "--"]
    pods.host.run([*run, "exit 7"], timeout=60, status=7)
    eat = "x=12345678; while :; do x=$x$x; done"
    greedy = pods.host.run([*run, eat], timeout=60, status=None)

    assert greedy.status == 9


def test_the_timer_collects_a_pod_that_ended(pods: Pods) -> None:
    check_timer_collects(pods)


def test_a_unit_s_mark_records_when_its_pod_ended(pods: Pods) -> None:
    check_end_is_recorded(pods)
