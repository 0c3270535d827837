"""Not a line of an app is lost, however soon it ends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

PODS = 15


def test_the_only_line_of_a_short_app_is_never_lost(rkt: Rktpy) -> None:
    lost = []
    for number in range(PODS):
        done = rkt.run(INSPECT, "--", f"--print-msg=line {number}", f"--exit-code={number % 2}")
        if (done.status, done.lines()) != (number % 2, [f"line {number}"]):
            lost.append(done)

    assert lost == []


@pytest.mark.parametrize("code", [0, 3])
def test_the_last_of_many_lines_is_not_lost(rkt: Rktpy, code: int) -> None:
    script = f"i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo line $i; done; exit {code}"

    done = rkt.run(SHELL, "--", script)

    assert done.status == code
    assert done.lines() == [f"line {number}" for number in range(1, 1001)]


def test_lines_of_two_apps_say_whose_they_are(rkt: Rktpy) -> None:
    done = rkt.run(
        *(INSPECT, "--name=one", "--", "--print-msg=first", "---"),
        *(INSPECT, "--name=two", "--", "--print-msg=second", "---"),
    )

    assert (done.lines("one"), done.lines("two")) == (["first"], ["second"])


def test_errors_of_an_app_are_output_of_the_pod(rkt: Rktpy) -> None:
    done = rkt.run(SHELL, "--", "echo out; echo err >&2; exit 1")

    assert (done.lines(), done.err) == (["out", "err"], "")


def test_the_journal_of_a_pod_stays_until_it_is_collected(rkt: Rktpy) -> None:
    rkt.run(SHELL, "--", "echo for the record")

    (pod,) = rkt.pods()
    uuid = os.path.basename(pod)
    journals = list((rkt.data / "pods" / pod).glob("overlay/*/upper/var/log/journal/*/*.journal"))
    assert [journal.parent.name for journal in journals] == [uuid.replace("-", "")]
    assert b"for the record" in journals[0].read_bytes()


def test_output_can_be_thrown_away(rkt: Rktpy) -> None:
    script = "echo out; echo err >&2"
    attach = {"RKT_EXPERIMENT_ATTACH": "true"}

    no_out = rkt.run(SHELL, "--stdout=null", "--stderr=log", "--", script, env=attach)
    nothing = rkt.run(SHELL, "--stdout=null", "--stderr=null", "--", script, env=attach)
    attachable = rkt.run(SHELL, "--stdout=stream", "--", script, env=attach)

    assert (no_out.status, no_out.lines(), no_out.err) == (0, ["err"], "")
    assert (nothing.status, nothing.out) == (0, "")
    assert attachable.lines() == ["out", "err"]
    assert attachable.err == "stage1: warning: nobody can attach to stdout of app shell yet\n"
