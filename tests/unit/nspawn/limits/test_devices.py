"""Which devices a pod, and each of its apps, may use."""

from __future__ import annotations

from rktpy.flavour.plan import AppPlan, BindPlan
from rktpy.host.device_fence import Device
from rktpy.nspawn.limits.devices import CLOSED, allowed, app_groups
from tests.unit.nspawn.plans import app, pod

LOOP = Device("b", 7, 0)


def with_loop(name: str) -> AppPlan:
    return app(name, binds=(BindPlan("/dev/loop0", "/disk", device=LOOP), BindPlan("/a", "/b")))


def test_a_pod_may_use_what_its_apps_were_given() -> None:
    assert allowed((app(),)) == CLOSED
    assert allowed((app(), with_loop("a"), with_loop("b"))) == (*CLOSED, LOOP)


def test_an_app_may_not_use_the_device_of_another() -> None:
    assert app_groups(pod(app("a"), with_loop("b"))) == {"system.slice/a.service": CLOSED}


def test_apps_that_may_use_the_same_need_no_fence_of_their_own() -> None:
    assert app_groups(pod(with_loop("a"), with_loop("b"))) == {}
