"""The fence around one app."""

from __future__ import annotations

import pytest

from rktpy.flavour.plan import AppPlan, BindPlan, Limits
from rktpy.flavour.seccomp import default_filter, filter_plan
from rktpy.flavour.syscall_sets import default_allowed, pod_allowed
from rktpy.nspawn.unit.confine import confinement
from tests.unit.nspawn.plans import app


def values(plan: AppPlan, name: str) -> list[str]:
    return [value for option, value in confinement(plan) if option == name]


def test_an_empty_capability_set_is_written_not_left_out() -> None:
    assert values(app(capabilities=()), "CapabilityBoundingSet") == [""]
    assert values(app(capabilities=None), "CapabilityBoundingSet") == []


@pytest.mark.parametrize("path", ["/sys/module", "/sys/fs"])
def test_kernel_paths_are_hidden_inside_the_app(path: str) -> None:
    assert f"-/rkt/hidden:{path}:norbind" in values(app(), "BindPaths")


def test_a_path_the_user_mounted_on_is_exempt() -> None:
    plan = app(binds=(BindPlan("/srv/modules", "/sys/module"),))

    assert values(plan, "BindPaths") == ["-/rkt/hidden:/sys/fs:norbind"]


def test_unprotected_paths_are_not_hidden() -> None:
    assert values(app(protect_paths=False), "BindPaths") == []


def test_nothing_is_covered_by_directives_that_make_systemd_read_the_mount_table() -> None:
    names = {name for name, _ in confinement(app())}

    assert not names & {"InaccessiblePaths", "ReadOnlyPaths", "ReadWritePaths"}


def test_writable_volumes_stay_writable_below_a_read_only_root() -> None:
    binds = (BindPlan("/a", "/data"), BindPlan("/b", "/config", read_only=True))
    plan = app(read_only_rootfs=True, binds=binds)

    assert values(plan, "ReadOnlyPaths")[0] == "+/"
    writable = values(plan, "ReadWritePaths")
    assert '"-+/data"' in writable
    assert '"-+/config"' not in writable


@pytest.mark.parametrize(("shares", "weight"), [(1024, "100"), (2, "1"), (262144, "10000")])
def test_cpu_shares_become_systemds_weight(shares: int, weight: str) -> None:
    assert values(app(limits=Limits(cpu_shares=shares)), "CPUWeight") == [weight]


def test_v1_takes_shares_as_they_are() -> None:
    plan = app(limits=Limits(cpu_shares=12345, v1=True))

    assert values(plan, "CPUShares") == ["12345"]
    assert values(plan, "CPUWeight") == []


def test_a_limit_of_processes_is_systemds_limit_of_tasks() -> None:
    assert values(app(limits=Limits(pids=7)), "TasksMax") == ["7"]


def test_every_disk_is_slowed_down_both_ways() -> None:
    plan = app(limits=Limits(block_bandwidth=1024, block_iops=0, disks=("8:0", "254:0")))

    assert values(plan, "IOReadBandwidthMax") == ["/rkt/disks/8:0 1024", "/rkt/disks/254:0 1024"]
    assert values(plan, "IOWriteBandwidthMax") == values(plan, "IOReadBandwidthMax")
    assert values(plan, "IOReadIOPSMax") == ["/rkt/disks/8:0 1", "/rkt/disks/254:0 1"]


def test_a_tiny_cpu_limit_is_not_rounded_to_none() -> None:
    assert values(app(limits=Limits(cpu_percent=0)), "CPUQuota") == ["1%"]


def test_todays_c_library_runs_under_the_default_filter() -> None:
    names = set(default_filter("x86_64").names)

    assert {"statx", "clone3", "close_range", "faccessat2", "rseq"} <= names
    assert not {"mount", "io_uring_setup", "bpf", "ptrace"} & names


def test_a_closed_new_call_is_answered_and_does_not_kill() -> None:
    plan = app(seccomp=filter_plan(retain=True, names=("read",), errno="", machine="x86_64"))

    assert "~statx:ENOSYS" in values(plan, "SystemCallFilter")


def test_inside_the_pods_filter_a_short_list_closes_as_much() -> None:
    short = default_filter("x86_64", pod_filtered=True)
    pod = set(pod_allowed("x86_64", None))

    assert not short.retain
    assert pod - set(short.names) - set(short.absent) <= set(default_allowed("x86_64"))
    assert {"mount", "bpf", "ptrace", "keyctl"} <= set(short.names)
    assert {"io_uring_setup", "fsopen"} <= set(short.absent)


def test_a_remove_set_negates_every_line() -> None:
    filter_ = filter_plan(
        retain=False, names=("stat", "@systemd/mount"), errno="EXFULL", machine="x86_64"
    )
    plan = app(seccomp=filter_)

    assert values(plan, "SystemCallFilter") == ["~stat", "~@mount"]
    assert values(plan, "SystemCallErrorNumber") == ["EXFULL"]


def test_the_set_of_all_calls_lifts_filtering() -> None:
    all_calls = ("@appc.io/all",)

    assert filter_plan(retain=True, names=all_calls, errno="", machine="x86_64") is None


def test_removing_nothing_means_the_default_list() -> None:
    nothing = filter_plan(retain=False, names=("@appc.io/empty",), errno="", machine="x86_64")

    assert nothing == default_filter("x86_64")


def test_unknown_sets_are_ignored() -> None:
    plan = filter_plan(retain=True, names=("@x/y", "@rkt", "read"), errno="", machine="x86_64")

    assert plan is not None
    assert plan.names == ("read",)
