"""What a limited app is shown of control groups, as directories, links and mounts."""

from __future__ import annotations

import pytest

from rktpy.flavour.plan import AppPlan, BindPlan, Limits
from rktpy.nspawn.command import nspawn_argv
from rktpy.nspawn.unit.confine import confinement
from rktpy.nspawn.unit.owncgroups import cgroup_view, own_cgroups
from tests.unit.nspawn.plans import app, pod
from tests.unit.nspawn.test_command import HOST

SHELL = "system.slice/shell.service"
COVER = "--bind-ro=+/rkt/fs:/rkt/fs:norbind"


def limited(limits: Limits, *, protect: bool = True, bind: str = "") -> AppPlan:
    binds = (BindPlan("/srv/own", bind),) if bind else ()
    return app(name="shell", limits=limits, protect_paths=protect, binds=binds)


def test_on_v2_its_own_cgroup_has_its_full_path_and_links_from_the_top() -> None:
    plan = limited(Limits(memory=1))
    view = cgroup_view(pod(plan), plan)

    assert view.directories == ("cgroup", "cgroup/system.slice", f"cgroup/{SHELL}")
    assert view.mounts == {f"cgroup/{SHELL}": f"/sys/fs/cgroup/{SHELL}"}
    assert view.links["cgroup/memory.max"] == f"{SHELL}/memory.max"
    assert view.links["cgroup/cpu.max"] == f"{SHELL}/cpu.max"


def test_on_v1_controllers_of_the_pod_have_one_of_the_app_and_others_are_as_they_are() -> None:
    plan = limited(Limits(v1=True, memory=1))
    view = cgroup_view(pod(plan), plan)

    assert view.mounts == {
        f"cgroup/memory/{SHELL}": f"/sys/fs/cgroup/memory/{SHELL}",
        "cgroup/cpu,cpuacct": "/sys/fs/cgroup/cpu",
        "cgroup/cpuset": "/sys/fs/cgroup/cpuset",
    }
    assert view.links["cgroup/memory/memory.limit_in_bytes"] == f"{SHELL}/memory.limit_in_bytes"
    assert view.links["cgroup/cpu"] == "cpu,cpuacct"


def test_a_limit_of_another_app_gives_every_app_a_cgroup_of_its_own() -> None:
    plan, other = (
        limited(Limits(v1=True, memory=1)),
        app(name="other", limits=Limits(v1=True, cpu_shares=2)),
    )

    mounts = cgroup_view(pod(plan, other), plan).mounts

    assert mounts[f"cgroup/cpu,cpuacct/{SHELL}"] == f"/sys/fs/cgroup/cpu/{SHELL}"


@pytest.mark.parametrize("limit", ["memory", "cpu_percent", "cpu_shares", "pids"])
def test_whoever_has_a_limit_sees_it_read_only_on_a_cover_of_its_own(limit: str) -> None:
    plan = limited(Limits().replace(**{limit: 7}))

    assert list(own_cgroups(pod(plan), plan)) == [
        ("BindPaths", "/rkt/fs/shell:/sys/fs:norbind"),
        ("BindReadOnlyPaths", f"-/sys/fs/cgroup/{SHELL}:/sys/fs/cgroup/{SHELL}:norbind"),
    ]
    assert ("BindPaths", "-/rkt/hidden:/sys/fs:norbind") not in list(confinement(plan))
    assert COVER in nspawn_argv(pod(plan), HOST, "r")


@pytest.mark.parametrize(
    "plan",
    [
        limited(Limits()),
        limited(Limits(block_iops=5)),
        limited(Limits(memory=1), protect=False),
        limited(Limits(memory=1), bind="/sys"),
        limited(Limits(memory=1), bind="/sys/fs/cgroup"),
    ],
)
def test_others_pay_nothing(plan: AppPlan) -> None:
    assert list(own_cgroups(pod(plan), plan)) == []
    assert COVER not in nspawn_argv(pod(plan), HOST, "r")
