"""What ``top`` says of a pod on pure cgroup v2, where every controller reaches into pods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.pods_on_host import FORMS, SHELL, Pods, shell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.vm import VmHost


@pytest.fixture(scope="module")
def stocked(host: VmHost) -> Pods:
    pods = Pods(host)
    pods.stock(shell)
    return pods


@pytest.fixture
def pods(stocked: Pods, _leaks: None) -> Iterator[Pods]:
    yield stocked
    stocked.clean()


@pytest.mark.parametrize("form", ["shell", "service"])
def test_every_figure_of_pod_and_app_is_known(pods: Pods, form: str) -> None:
    argv = pods.argv(SHELL, options=["--pod-name=busy"])
    busy = ["--memory=64M", "--", "while :; do :; done"]
    pod = FORMS[form](pods, [*argv, *busy]).wait_active()
    (row,) = json.loads(pods.rktpy("top", "--interval=1s", "--format=json", "busy"))
    (app,) = row["apps"]
    entered = pods.rktpy("enter", "busy", "cat", "/proc/self/cgroup")

    assert row["name"] == pod.uuid
    assert (app["memory_limit"], app["pids"]) == (64_000_000, 1)
    assert row["memory"] > app["memory"] > 0
    assert app["cpu_percent"] > 20
    assert row["pids"] > 1
    assert None not in (row["io_read"], row["io_written"])
    assert entered == "0::/system.slice/shell.service\n"
