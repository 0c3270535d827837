"""Resources of units, measured: the guest's systemd has every controller of cgroup v2.

``CPUAffinity=`` is not here: this kernel forgets it (known broken, docs/compatibility.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import resources_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_limits_of_a_unit_hold_for_its_pod(pods: Pods) -> None:
    on_host.check_limits_of_a_unit_hold(pods)


def test_the_memory_of_a_unit_ends_the_app_that_wants_more(pods: Pods) -> None:
    on_host.check_a_unit_s_memory_ends_the_app(pods)
