"""When single apps cannot be limited, the pod is, if that is sound."""

from __future__ import annotations

from rktpy.nspawn.plan import Limits
from rktpy.nspawn.podlimits import limited_kinds, pod_limits
from tests.unit.nspawn.plans import app, pod

MIB = 1 << 20


def test_a_pod_may_use_what_its_apps_may_and_a_little_more() -> None:
    apps = (
        app("a", limits=Limits(memory=64 * MIB, cpu_percent=50)),
        app("b", limits=Limits(memory=16 * MIB, cpu_percent=0)),
    )

    assert pod_limits(pod(*apps)) == {"memory": (64 + 16 + 32) * MIB, "cpu": 510}


def test_one_unlimited_app_leaves_the_pod_unlimited() -> None:
    apps = (app("a", limits=Limits(memory=64 * MIB)), app("b"))

    assert pod_limits(pod(*apps)) == {}
    assert limited_kinds(apps) == ["memory"]


def test_an_app_without_limits_asks_for_none() -> None:
    assert limited_kinds((app(),)) == []
