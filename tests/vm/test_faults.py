"""Signals to a pod of a service with cgroup v2 alone, and what is otherwise there than on v1. The
whole table is for the system tier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import faults_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


@pytest.mark.parametrize("case", on_host.SIGNALS, ids=lambda case: case.name)
def test_a_signal_to_a_pod_of_a_service(pods: Pods, case: on_host.Signal) -> None:
    on_host.check_signal(pods, case, "service")


def test_an_app_that_wants_more_memory_than_its_unit_has(pods: Pods) -> None:
    on_host.check_shortage(pods, on_host.SHORTAGES[0])


def test_a_pod_of_a_shell_starts_while_the_bus_is_stopped(pods: Pods) -> None:
    on_host.check_start(pods, on_host.STARTS[0], "shell")
