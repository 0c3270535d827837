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
