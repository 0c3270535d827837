"""How v1 controllers get into a pod."""

from __future__ import annotations

from rktpy.flavour.plan import Limits
from rktpy.host.cgroup.places import Place
from rktpy.nspawn.limits.controllers import Handed, hand_over, memory_groups
from tests.unit.nspawn.plans import app, pod


def place(key: str, name: str = "") -> Place:
    return Place(key, f"/x/{key}", f"/cg/{name or key}/x", "/cg", name or key)


def test_only_what_is_wanted_is_handed_over() -> None:
    places = {name: place(name) for name in ("memory", "pids", "blkio")}
    found = hand_over(frozenset(("memory", "io")), places, "")

    assert found.usable == {"memory", "io"}
    assert found.handed == (Handed("/cg/blkio/x", "blkio"), Handed("/cg/memory/x", "memory"))


def test_processor_time_is_limited_and_counted_in_one_hierarchy_or_it_seems_so() -> None:
    apart = {name: place(name) for name in ("cpu", "cpuacct")}
    joined = dict.fromkeys(("cpu", "cpuacct"), place("cpu,cpuacct"))
    cpu = frozenset(("cpu",))

    assert hand_over(cpu, apart, "").handed == (
        Handed("/cg/cpu/x", "cpu"),
        Handed("/cg/cpuacct/x", "cpuacct"),
    )
    assert hand_over(cpu, {"cpu": apart["cpu"]}, "").handed == (
        Handed("/cg/cpu/x", "cpu"),
        Handed("/cg/cpu/x", "cpuacct"),
    )
    assert [one.name for one in hand_over(cpu, joined, "").handed] == ["cpu,cpuacct"]


def test_a_controller_that_is_not_there_is_not_usable_and_the_advice_is_kept() -> None:
    found = hand_over(frozenset(("memory",)), {}, "build a kernel")

    assert (found.usable, found.handed, found.advice) == (frozenset(), (), "build a kernel")


def test_the_cgroup_of_limited_memory_outlives_its_app() -> None:
    plan = pod(app("a", limits=Limits(memory=1 << 20)), app("b", limits=Limits(cpu_percent=1)))
    with_memory = hand_over(frozenset(("memory",)), {"memory": place("memory")}, "")

    assert memory_groups(plan, with_memory) == (
        Handed("/cg/memory/x/system.slice/a.service", "memory/system.slice/a.service"),
    )
    assert memory_groups(plan, hand_over(frozenset(), {}, "")) == ()
