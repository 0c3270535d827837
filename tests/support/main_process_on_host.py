"""Pods started by a service in all its ways: who is its main process, and who is told not to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.placement_on_host import where_it_is
from tests.support.pods_on_host import SHELL, quoted_for_unit

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods

STAY = "exec sleep 300"
NOT_MAIN = "warning: this is not the main process of"


def check_a_script_is_told_to_exec(pods: Pods) -> None:
    """Without exec the pod is elsewhere and that is said, with it neither is so."""
    argv = pods.argv(SHELL, STAY)
    child = pods.as_service(argv, script='"$@"; true', Type="notify", NotifyAccess="all")
    place = where_it_is(child.wait_active())
    told = pods.journal(f"--unit={child.unit}")
    active = child.properties("ActiveState")["ActiveState"]
    main = pods.as_service(argv, script='exec "$@"', Type="notify").wait_active()

    assert place.startswith(r"machine.slice/machine-rkt\x2d")
    assert f"{NOT_MAIN} {child.unit}: the pod gets a scope of its own" in told
    assert "start it by: exec rktpy" in told
    assert "heard with NotifyAccess=all only" in told
    assert active == "active"
    assert where_it_is(main) == f"system.slice/{main.unit}/payload"
    assert NOT_MAIN not in pods.journal(f"--unit={main.unit}")


def check_steps_of_a_service_are_its_own(pods: Pods) -> None:
    """Pods of ``ExecStartPre=`` and of several ``ExecStart=`` run in the unit, one by one."""
    stages = [quoted_for_unit(pods.argv(SHELL, f"echo stage {n}")) for n in range(3)]
    unit = pods.unit(
        "pod-steps.service",
        {"Type": "oneshot", "ExecStartPre": stages[0],
         "ExecStart": f"/usr/bin/env {stages[1]}\nExecStart={stages[2]}"},
    )  # fmt: skip
    pods.host.run(["systemctl", "start", unit], timeout=60)
    said = pods.journal(f"--unit={unit}")
    places = [pods.subcgroup(uuid) for uuid in pods.states()]

    assert [said.find(f"stage {number}") >= 0 for number in range(3)] == [True] * 3
    assert NOT_MAIN not in said
    assert len(places) == 3
    assert all(place.startswith(f"system.slice/{unit}/") for place in places)


def check_forked_and_executed(pods: Pods) -> None:
    """``Type=forking`` guesses nspawn to be the main process, ``Type=exec`` knows."""
    argv = pods.argv(SHELL, STAY)
    forked = pods.as_service(argv, script='"$@" & sleep 0.5', Type="forking").wait_active()
    executed = pods.as_service(argv, Type="exec").wait_active()
    states = [pod.properties("ActiveState")["ActiveState"] for pod in (forked, executed)]
    for pod in (forked, executed):
        pods.host.run(["systemctl", "stop", pod.unit])
        pods.rktpy("status", "--wait=20s", pod.uuid)

    assert states == ["active", "active"]
    assert executed.status()["app-shell"] == "0"


def check_a_service_that_is_not_root_is_refused(pods: Pods) -> None:
    """Only root makes pods, and that is what is said; nothing is left."""
    for name, setting in (("User", "nobody"), ("DynamicUser", "yes")):
        unit = pods.unit(
            f"pod-{name.lower()}.service",
            {"ExecStart": quoted_for_unit(pods.argv(SHELL, STAY)), name: setting},
        )
        pods.host.run(["systemctl", "start", unit])
        pods.host.wait_until('systemctl is-failed "$1"', unit)
        assert "cannot run as unprivileged user" in pods.journal(f"--unit={unit}"), name
    assert pods.states() == {}


def check_a_session_of_pam_is_told(pods: Pods) -> None:
    """``PAMName=`` moves the process into a session, which cannot hold a pod."""
    pod = pods.as_service(pods.argv(SHELL, STAY), PAMName="login", User="root").wait_active()
    told = pods.journal("--identifier=rktpy")  # of the session, not of the service

    assert where_it_is(pod).startswith(r"machine.slice/machine-rkt\x2d")
    assert "warning: what started this pod is in session-" in told
    pods.host.run(["systemctl", "stop", pod.unit])
    pods.rktpy("status", "--wait=20s", pod.uuid)
