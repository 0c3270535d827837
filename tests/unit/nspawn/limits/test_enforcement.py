"""What becomes of isolators: from what an app asks and what the host offers."""

from __future__ import annotations

import pytest

from rktpy.appc.isolator import Isolator
from rktpy.flavour.plan import AppPlan, Limits
from rktpy.nspawn.limits.controllers import V2, Controllers
from rktpy.nspawn.limits.enforcement import (
    StrictIsolatorError,
    check_strict,
    device_policy,
    outcomes,
    record,
    unsupported,
    wanted_controllers,
    warnings,
)
from tests.unit.nspawn.plans import app, pod

MEMORY, IOPS = "resource/memory", "resource/block-iops"
ALL = Controllers(V2, frozenset(("cpu", "memory", "pids", "io")))
NONE = Controllers(V2, advice="do this")


def limited(name: str = "web") -> AppPlan:
    return app(name, limits=Limits(memory=1 << 20), isolators={MEMORY: {"limit": "1Mi"}})


def fate(plan: AppPlan, controllers: Controllers = ALL) -> list[tuple[bool, str]]:
    return [(found.enforced, found.by) for found in outcomes(pod(plan), controllers)]


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        (Limits(), ()),
        (Limits(oom_score_adj=5), ()),
        (Limits(memory=1, pids=2), ("memory", "pids")),
        (Limits(cpu_percent=0), ("cpu",)),
        (Limits(cpu_shares=2, block_iops=1), ("cpu", "io")),
    ],
)
def test_limits_want_these_controllers(limits: Limits, wanted: tuple[str, ...]) -> None:
    assert wanted_controllers(pod(app(limits=limits))) == frozenset(wanted)


def test_a_limit_of_the_pods_memory_wants_it_for_the_apps() -> None:
    assert wanted_controllers(pod(limits=Limits(memory=1, cpu_percent=1))) == {"memory"}


def test_a_limit_holds_where_its_controller_is_there_and_else_the_advice_says_what_to_do() -> None:
    assert fate(limited()) == [(True, "memory controller of cgroup v2")]
    assert fate(limited(), NONE) == [(False, "do this")]


def test_one_controller_may_have_a_reason_of_its_own() -> None:
    plan = app(limits=Limits(memory=1, block_iops=1), isolators=dict.fromkeys((MEMORY, IOPS)))

    assert fate(plan, NONE.without("io", "no disk")) == [(False, "do this"), (False, "no disk")]


def test_what_systemd_does_by_itself_needs_no_controller() -> None:
    names = ("os/linux/no-new-privileges", "os/linux/oom-score-adj")
    plan = app(isolators=dict.fromkeys(names, 1))

    assert fate(plan, NONE) == [(True, "no_new_privs"), (True, "oom_score_adj")]


def test_what_the_user_lifted_and_what_limits_nothing_fails_nobody() -> None:
    caps = "os/linux/capabilities-retain-set"
    plan = app(isolators={caps: {"set": ["CAP_KILL"]}, MEMORY: {"request": "1Mi"}}, lifted=(caps,))
    found = outcomes(pod(plan), ALL)

    assert [one.enforced for one in found] == [False, False]
    assert warnings(found) == []
    check_strict(found)


def test_each_kind_in_vain_is_told_once_and_strictness_refuses_the_first() -> None:
    found = outcomes(pod(limited("a"), limited("b")), NONE)

    assert warnings(found) == [
        "warning: resource/memory isolator set but not enforced here (do this)"
    ]
    with pytest.raises(StrictIsolatorError, match='isolator resource/memory of app "a" cannot be'):
        check_strict(found)


@pytest.mark.parametrize(
    ("fenced", "by", "unit", "enforced", "said"),
    [
        (True, "BPF program", "x.service", True, "BPF program"),
        (True, "", "x.service", False, "set DevicePolicy=closed in x.service"),
        (True, "", "", False, "the kernel refuses bpf(2)"),
        (False, "", "", False, "lifted by --insecure-options"),
    ],
)
def test_the_device_policy_is_told_like_an_isolator(
    fenced: bool,  # noqa: FBT001
    by: str,
    unit: str,
    enforced: bool,  # noqa: FBT001
    said: str,
) -> None:
    found = device_policy(pod(fenced=fenced), by, unit)

    assert (found.enforced, found.by) == (enforced, said)
    assert found.failed == (fenced and not enforced)


def test_the_record_has_the_value_of_the_manifest() -> None:
    (entry,) = record(outcomes(pod(limited()), NONE))["web"]

    assert entry == {"name": MEMORY, "value": {"limit": "1Mi"}, "enforced": False, "by": "do this"}


def test_some_isolators_no_host_enforces() -> None:
    mood = Isolator("example.com/mood", "good")
    both = (Isolator(MEMORY, {"limit": "1Mi"}), mood)

    assert [one.name for one in unsupported("web", both)] == [mood.name]


@pytest.mark.parametrize(("score", "lowest", "held"), [
    (-500, -1000, 1), (-500, 0, 0), (-500, -500, 1), (-501, -500, 0), (5, 0, 1),
])  # fmt: skip
def test_a_score_that_the_kernel_lets_nobody_have_is_told(
    score: int, lowest: int, held: int
) -> None:
    plan = app(limits=Limits(oom_score_adj=score), isolators={"os/linux/oom-score-adj": score})
    (found,) = outcomes(pod(plan), ALL, lowest_score=lowest)

    assert found.enforced == bool(held)
