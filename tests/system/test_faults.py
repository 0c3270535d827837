"""The table of signals and faults on a booted host with hybrid cgroups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import faults_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


@pytest.mark.parametrize("case", on_host.SIGNALS, ids=lambda case: case.name)
def test_a_signal_to_a_pod_of_a_service(pods: Pods, case: on_host.Signal) -> None:
    on_host.check_signal(pods, case, "service")


@pytest.mark.parametrize("case", on_host.SIGNALS, ids=lambda case: case.name)
def test_a_signal_to_a_pod_of_a_shell(pods: Pods, case: on_host.Signal) -> None:
    on_host.check_signal(pods, case, "shell")


@pytest.mark.parametrize("form", ["service", "shell"])
@pytest.mark.parametrize("case", on_host.LOSSES, ids=lambda case: case.name)
def test_a_pod_outlives_what_it_does_not_need(pods: Pods, case: on_host.Loss, form: str) -> None:
    on_host.check_loss(pods, case, form)


@pytest.mark.parametrize("case", on_host.IN_A_NETWORK, ids=lambda case: case.name)
def test_a_signal_to_a_pod_in_a_network(pods: Pods, case: on_host.Signal) -> None:
    on_host.check_signal(pods, case, "service", network=True)


@pytest.mark.parametrize("case", on_host.KILLS, ids=lambda case: case.name)
def test_systemctl_kill(pods: Pods, case: on_host.Kill) -> None:
    on_host.check_kill(pods, case)


@pytest.mark.parametrize("case", on_host.SHORTAGES, ids=lambda case: case.name)
def test_an_app_that_wants_more_than_there_is(pods: Pods, case: on_host.Shortage) -> None:
    on_host.check_shortage(pods, case)


@pytest.mark.parametrize(
    ("case", "form"),
    [(case, form) for case in on_host.STARTS for form in case.forms],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_pod_starts_without_what_it_does_not_need(
    pods: Pods, case: on_host.Start, form: str
) -> None:
    on_host.check_start(pods, case, form)
