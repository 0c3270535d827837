"""Units made of pods that exist, on a booted host with hybrid cgroups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import generate_unit_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


@pytest.mark.parametrize("form", on_host.FILES)
def test_the_unit_of_a_running_pod_runs_the_same(pods: Pods, form: str) -> None:
    on_host.check_the_unit_of_a_running_pod_runs_the_same(pods, form)
