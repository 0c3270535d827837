"""``run --replace`` and ``prepare --replace``: the pod that has the name makes way."""

from __future__ import annotations

from signal import SIGTERM
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL
from tests.integration.run.rk import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.run.rk import Done, Rktpy, Running

NEW = ("--replace", "--pod-name=web")
SLEEP = "trap 'echo bye; exit 0' TERM; sleep 600 & wait"
STUBBORN = "trap '' TERM; while :; do sleep 1; done"


def exited(rkt: Rktpy) -> str:
    return name_of(rkt, rkt.run("--pod-name=web", SHELL, "--", "exit 4"))


def marked(rkt: Rktpy) -> str:
    uuid = exited(rkt)
    rkt.ok("gc", "--mark-only")
    return uuid


def prepared(rkt: Rktpy) -> str:
    return rkt.prepare("--pod-name=web", SHELL, "--", "exit 4")


def name_of(rkt: Rktpy, done: Done) -> str:
    """Return the UUID of the pod that has the name after ``done``."""
    assert done.status == 4, done
    return rkt.ok("list", "--full", "--no-legend", "--fields=uuid").strip()


@pytest.mark.parametrize("left", [exited, marked, prepared])
def test_a_pod_that_does_not_run_is_removed(rkt: Rktpy, left: Callable[[Rktpy], str]) -> None:
    old = left(rkt)

    done = rkt.run(*NEW, SHELL, "--", "echo here; exit 3")

    assert (done.status, done.lines(), done.err) == (3, ["here"], "")
    (pod,) = rkt.pods()
    assert old not in pod
    assert rkt.status("web")["state"] == "exited"


def test_the_first_pod_of_a_name_replaces_nobody(rkt: Rktpy) -> None:
    done = rkt.run(*NEW, SHELL, "--", "exit 3")

    assert (done.status, done.err) == (3, "")


def test_a_pod_that_runs_ends_in_order_and_is_removed(rkt: Rktpy) -> None:
    with rkt.start("run", "--pod-name=web", SHELL, "--", SLEEP) as old:
        first = old.ready()
        with rkt.start("run", *NEW, SHELL, "--", "exec sleep 600") as new:
            second = new.ready()
            ended = old.end()
            rkt.ok("stop", "web")
            said = new.end().err

    assert (ended.status, ended.lines()[-1]) == (0, "bye")
    assert rkt.pods() == [f"run/{second}"]
    assert said == f"run: stopping pod {first}, which has the name web\n"


def test_a_pod_that_does_not_end_is_killed(rkt: Rktpy) -> None:
    with rkt.start("run", "--pod-name=web", SHELL, "--", STUBBORN) as old:
        first = old.ready()
        done = rkt.run(*NEW, SHELL, "--", "exit 3")
        old.end()

    assert done.status == 3
    assert f"pod {first} does not end, so it is killed" in done.err
    assert len(rkt.pods()) == 1


def test_prepare_takes_the_name_over_as_well(rkt: Rktpy) -> None:
    with rkt.start("run", "--pod-name=web", SHELL, "--", SLEEP) as old:
        old.ready()
        uuid = rkt.prepare(*NEW, SHELL, "--", "exit 3")
        old.end()

    assert rkt.pods() == [f"prepared/{uuid}"]
    assert rkt("run-prepared", "--net=none", "web").status == 3


@pytest.mark.parametrize("words", [("--net=no-such", SHELL), ("example.com/no-such",)])
def test_a_start_that_is_refused_leaves_the_old_pod_alone(
    rkt: Rktpy, words: tuple[str, ...]
) -> None:
    with rkt.start("run", "--pod-name=web", SHELL, "--", SLEEP) as old:
        first = old.ready()
        done = rkt.run(*NEW, "--pull-policy=never", *words)

        assert done.status == 254
        assert rkt.status("web")["state"] == "running"
        assert rkt.pods() == [f"run/{first}"]


def test_there_must_be_a_name(rkt: Rktpy) -> None:
    for verb in ("run", "prepare"):
        done = rkt(verb, "--replace", SHELL)

        assert done.status == 254
        assert "--replace needs the name of a pod (add --pod-name=NAME)" in done.err


def test_of_many_at_once_one_runs_and_has_the_name(rkt: Rktpy) -> None:
    pods: list[Running] = [rkt.start("run", *NEW, SHELL, "--", SLEEP) for _ in range(4)]

    def settled() -> bool:
        return len([pod for pod in pods if pod.process.poll() is None]) == 1

    until(settled, "end of all but one")
    (last,) = [pod for pod in pods if pod.process.poll() is None]
    ended = [pod.end() for pod in pods if pod is not last]
    uuid = last.ready()
    pod_of_name = rkt.ok("list", "--full", "--no-legend", "--fields=uuid,name,state").split()
    rkt.ok("stop", "web")
    last.end()

    assert pod_of_name == [uuid, "web", "running"]
    assert {done.status for done in ended} <= {0, -SIGTERM}, ended  # also while they start
