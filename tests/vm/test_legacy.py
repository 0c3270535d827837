"""A guest with cgroup v1 alone, as hosts of rkt's time were: placement, limits, leftovers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import (
    hostfixture,
    inside_on_host,
    leftovers_on_host,
    pods_on_host,
    vm_snapshot,
)
from tests.support.placement_on_host import check_place
from tests.support.pods_on_host import FORMS, SHELL
from tests.support.vm import LEGACY, VmHost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods_on_host import Pods


@pytest.fixture(scope="module")
def host(request: pytest.FixtureRequest) -> Iterator[VmHost]:
    host = VmHost(cgroups=LEGACY, snapshot=vm_snapshot.taken(pods_on_host.shell, cgroups=LEGACY))
    for _ in hostfixture.serve(host, request):
        yield host


def test_pods_on_v1_alone(pods: Pods) -> None:
    """One test, as the host is booted for it."""
    for form in ("service", "shell"):
        check_place(FORMS[form](pods, pods.argv(SHELL, "exec sleep 300")).wait_active())
        pods.clean()
    inside_on_host.check_limits_are_seen(pods, "shell")
    leftovers_on_host.check_what_a_service_may_leave_is_collected(pods)
    pods.clean()

    assert "cgroup2" not in pods.host.read("/proc/self/mountinfo")
