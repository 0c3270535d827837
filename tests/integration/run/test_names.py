"""Pods with names: taken when the pod is made, usable in every command, free when it is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.integration.run.images import INSPECT, SHELL
from tests.integration.run.rk import Done

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy


def test_a_running_pod_answers_to_its_name(rkt: Rktpy) -> None:
    with rkt.start("run", "--pod-name=web", SHELL, "--", "echo hello; exec sleep 300") as pod:
        uuid = pod.ready()
        entered = rkt.ok("enter", "web", "/bin/echo", "inside")
        status = rkt.status("web")
        stopped = rkt.ok("stop", "web")
        pod.end()
        logs = rkt.ok("logs", "web")
        removed = rkt.ok("rm", "web")

    assert entered == "inside\n"
    assert (status["state"], status["name"]) == ("running", "web")
    assert stopped == removed == f'"{uuid}"\n'
    assert logs.rstrip().endswith("hello")


def test_a_second_pod_of_the_name_is_refused_and_leaves_nothing(rkt: Rktpy) -> None:
    uuid = rkt.prepare("--pod-name=web", INSPECT)

    done = rkt.run("--pod-name=web", SHELL, "--", "true")

    assert done.status == 254
    assert f'the name "web" belongs to pod "{uuid}"' in done.err
    assert "rktpy rm web" in done.err
    assert rkt.pods() == [f"prepared/{uuid}"]


def test_a_prepared_pod_keeps_its_name_until_it_is_removed(rkt: Rktpy, tmp_path: Path) -> None:
    rkt.prepare("--pod-name=job", "--pod-label=kind=batch", SHELL, "--", "exit 3")

    done = rkt("run-prepared", "--net=none", "job")
    listed = json.loads(rkt.ok("list", "--label=kind=batch", "--format=json"))
    again = rkt("run", "--net=none", "--pod-name=job", SHELL, "--", "true")
    rkt.ok("rm", "--ignore", "job")
    nowhere = tmp_path / "nowhere"
    missing = rkt("rm", "--ignore", "job"), rkt("rm", "--ignore", f"--uuid-file={nowhere}")
    free = rkt.run("--pod-name=job", SHELL, "--", "true")

    assert done.status == 3
    assert [(pod["pod_name"], pod["state"]) for pod in listed] == [("job", "exited")]
    assert (again.status, free.status) == (254, 0)
    assert missing == (Done(0, "", ""), Done(0, "", ""))


def test_gc_frees_names(rkt: Rktpy) -> None:
    rkt.run("--pod-name=once", SHELL, "--", "true")

    rkt.collect()

    assert rkt("status", "once").status == 254
    assert rkt.run("--pod-name=once", SHELL, "--", "true").status == 0


def test_a_bad_name_is_refused_before_there_is_a_pod(rkt: Rktpy) -> None:
    done = rkt.run("--pod-name=../x", SHELL, "--", "true")

    assert done.status == 254
    assert 'invalid pod name "../x"' in done.err
    assert rkt.pods() == []
