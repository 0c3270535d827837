"""Apps that are started again: the pod goes on meanwhile, and ends with their last status."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

AGAIN = "--annotation=rktpy/app/restart="
# Counts its starts in $n and says each.
COUNT = "n=0; [ ! -e /tmp/n ] || read n </tmp/n; n=$((n + 1)); echo $n >/tmp/n; echo start $n; "

REAPERS = [f"reaper-shell@{result}.service" for result in ("success", "failure")]


@pytest.mark.parametrize(
    ("policy", "script", "status", "starts"),
    [
        ("no", "exit 5", 5, 1),
        ("on-failure", "exit 0", 0, 1),
        ("on-failure", "[ $n = 3 ] || exit 5", 0, 3),
        ("on-failure", "[ $n = 2 ] || kill -TERM $$", 0, 2),
        ("on-failure", "exit $n", 5, 5),
        ("always", "[ $n = 3 ] || exit 0; exit 4", 0, 5),
    ],
)
def test_an_app_is_started_again_as_its_annotation_says(
    rkt: Rktpy, policy: str, script: str, status: int, starts: int
) -> None:
    with rkt.start("run", SHELL, f"{AGAIN}{policy}", "--", COUNT + script) as pod:
        uuid = pod.uuid
        done = pod.end()

    assert done.lines("shell") == [f"start {n}" for n in range(1, starts + 1)]
    assert done.status == status
    assert rkt.status(uuid)["app-shell"] == str(status)


@pytest.mark.parametrize(("policy", "status"), [("on-failure", 5), ("always", 0)])
def test_systemd_takes_no_restart_for_an_end(rkt: Rktpy, policy: str, status: int) -> None:
    # A reaper that has been called for a restart would be deaf to an end that comes meanwhile.
    script = f"{COUNT} [ $n = 3 ] || exit {status}; exec sleep 300"
    with rkt.start("run", SHELL, f"{AGAIN}{policy}", "--", script) as pod:
        pod.says("start 3")
        ask = ["nsenter", "--all", f"--target={pod.init}", "systemctl", "show", "--value"]
        words = ["--property=StateChangeTimestampMonotonic", *REAPERS]
        called = subprocess.run([*ask, *words], check=True, capture_output=True, text=True).stdout

    assert called.split() == ["0", "0"]


def test_the_other_apps_run_on_while_one_is_started_again(rkt: Rktpy) -> None:
    other = "trap 'echo other ends; exit' TERM; echo other starts; while :; do sleep 0.1; done"
    words = [SHELL, f"{AGAIN}on-failure", "--", f"{COUNT} [ $n = 3 ] || exit 5; exec sleep 300"]
    with rkt.start("run", *words, "---", SHELL, "--name=other", "--", other) as pod:
        pod.says("start 3")
        uuid = pod.ready()
        rkt.ok("stop", uuid)
        done = pod.end()

    said = [line for line in done.lines("other") if line.startswith("other")]
    assert said == ["other starts", "other ends"]
    assert done.status == 0
    assert (rkt.status(uuid)["app-shell"], rkt.status(uuid)["app-other"]) == ("0", "0")


def test_an_app_that_is_given_up_ends_the_pod_with_its_status(rkt: Rktpy) -> None:
    words = [SHELL, f"{AGAIN}on-failure", "--", f"{COUNT} exit 6"]
    with rkt.start("run", *words, "---", SHELL, "--name=other", "--", "exec sleep 300") as pod:
        uuid = pod.uuid
        done = pod.end()

    assert done.status == 6
    assert (rkt.status(uuid)["app-shell"], rkt.status(uuid)["app-other"]) == ("6", "0")


def test_an_interactive_app_is_not_started_again(rkt: Rktpy) -> None:
    script = "read word; echo got $word; exit 5"
    words = ("run", "--net=none", "--interactive", SHELL, f"{AGAIN}always", "--", script)
    done = rkt(*words, given=b"one\ntwo\n")

    assert (done.status, done.out) == (5, "got one\n")
    assert 'warning: app "shell" is interactive and will not be started again' in done.err


def test_a_stopped_pod_starts_nothing_again(rkt: Rktpy) -> None:
    script = f"trap 'exit 3' TERM; {COUNT} while :; do sleep 0.1; done"
    with rkt.start("run", SHELL, f"{AGAIN}always", "--", script) as pod:
        pod.says("start 1")
        rkt.ok("stop", pod.ready())
        done = pod.end()

    assert [line for line in done.lines("shell") if "start" in line] == ["start 1"]
    assert done.status == 0
