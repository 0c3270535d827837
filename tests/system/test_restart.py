"""Apps that are started again, on a booted host: crash loops, and what systemd and people see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.pods_on_host import FORMS, SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods, StartedPod

# Counts its starts in $n and says each.
COUNT = "n=0; [ ! -e /tmp/n ] || read n </tmp/n; n=$((n + 1)); echo $n >/tmp/n; echo start $n; "


def start(pods: Pods, form: str, policy: str, script: str) -> StartedPod:
    again = f"--annotation=rktpy/app/restart={policy}"
    return FORMS[form](pods, [*pods.argv(SHELL), again, "--", COUNT + script])


def starts(pod: StartedPod) -> list[str]:
    lines = pod.pods.rktpy("logs", pod.uuid).splitlines()
    return [line.partition("start ")[2] for line in lines if "start " in line]


@pytest.mark.parametrize("policy", ["on-failure", "always"])
@pytest.mark.parametrize("form", FORMS)
def test_a_crash_loop_ends_the_unit_with_the_last_status(
    pods: Pods, form: str, policy: str
) -> None:
    pod = start(pods, form, policy, "exit $n")
    status = pod.wait_end()

    assert status == 5
    assert starts(pod) == ["1", "2", "3", "4", "5"]
    assert (pod.status()["state"], pod.status()["app-shell"]) == ("exited", "5")


@pytest.mark.parametrize("form", FORMS)
def test_an_app_that_comes_up_at_last_runs_in_a_unit_that_never_ended(
    pods: Pods, form: str
) -> None:
    pod = start(pods, form, "on-failure", "[ $n = 3 ] || exit 5; exec sleep 1000")
    pods.host.wait_until('rktpy logs "$1" | grep "start 3"', pod.uuid)
    pod.wait_active()
    (process,) = pod.processes("shell")
    running, unit = pod.status(), pod.properties("ActiveState", "NRestarts")
    pods.rktpy("stop", pod.uuid)
    status = pod.wait_end()

    assert process > 1
    assert running["state"] == "running"
    assert "app-shell" not in running  # it has not ended, whatever its failures
    assert unit.items() <= {"ActiveState": "active", "NRestarts": "0"}.items()
    assert (status, pod.status()["app-shell"]) == (0, "0")


@pytest.mark.parametrize("before", [1, 2, 3, 4])
@pytest.mark.parametrize("form", ["shell", "service"])
def test_a_pod_that_is_stopped_between_two_starts_stays_down(
    pods: Pods, form: str, before: int
) -> None:
    """The fourth end is the last before systemd gives up: then both end the pod."""
    pod = start(pods, form, "always", "exit 5")
    stop = 'until rktpy logs "$1" | grep -q "start $2"; do :; done; rktpy stop "$1"'
    pods.host.sh(stop, pod.uuid, str(before))
    status = pod.wait_end()
    said = pod.status()

    assert said["state"] == "exited"
    assert said["app-shell"] in ("0", "5"), "what was stopped counts as 0, what gave up does not"
    assert status == int(said["app-shell"])
    assert starts(pod) == [str(number + 1) for number in range(len(starts(pod)))]
    assert pod.processes("shell") == []
