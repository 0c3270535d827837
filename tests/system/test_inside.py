"""Seeing inside pods on a host with systemd: names, ``top``, ``enter`` and ``cp``, in each form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.pods_on_host import FORMS, SHELL, Pods, shell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.container import ContainerHost

BUSY = "while :; do :; done"


@pytest.fixture(scope="module")
def stocked(host: ContainerHost) -> Pods:
    pods = Pods(host)
    pods.stock(shell)
    return pods


@pytest.fixture
def pods(stocked: Pods, _leaks: None) -> Iterator[Pods]:
    yield stocked
    stocked.clean()


def figures(pods: Pods, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(pods.rktpy("top", "--format=json", *args))
    return found


@pytest.mark.parametrize("form", FORMS)
def test_a_named_pod_is_seen_into(pods: Pods, form: str) -> None:
    argv = pods.argv(SHELL, BUSY, options=["--pod-name=busy", "--pod-label=form=" + form])
    pod = FORMS[form](pods, argv).wait_active()
    (row,) = figures(pods, "--interval=500ms", "busy")
    (app,) = row["apps"]
    listed = json.loads(pods.rktpy("list", "--format=json", f"--label=form={form}"))
    entered = pods.rktpy("enter", "busy", "cat", "/proc/self/cgroup")
    stream = pods.rktpy("cp", "busy:/bin/sh", "-")
    processes = pod.processes("shell")
    pods.rktpy("stop", "--force", "busy")
    pod.wait_end()
    ended = pods.rktpy("status", "busy")

    assert (row["name"], row["pod_name"], app["name"]) == (pod.uuid, "busy", "shell")
    assert app["cpu_percent"] > 5
    assert row["cpu_time_ns"] >= app["cpu_time_ns"] > 0
    assert app["pids"] == len(processes) == 1 < row["pids"]
    assert [found["name"] for found in listed] == [pod.uuid]
    assert "/shell.service" in entered
    assert "busybox" in stream
    assert ended.endswith("name=busy\n")


def test_a_name_is_free_for_the_next_start_of_a_service(pods: Pods) -> None:
    argv = pods.argv(SHELL, "exec sleep 1000", options=["--pod-name=web"])
    removed = "-/usr/bin/rktpy rm web"
    pod = pods.as_service(argv, ExecStartPre=removed).wait_active()
    pods.host.run(["systemctl", "restart", pod.unit])
    pods.host.wait_until("rktpy status --wait-ready=30s web")
    second = [uuid for uuid, state in pods.states().items() if state == "running"]

    assert len(second) == 1
    assert pod.uuid not in pods.states()
