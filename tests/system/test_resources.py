"""Resources of units where a container sees v1 controllers read-only: what is set is kept.

That the limits hold is measured on the virtual machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import resources_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_settings_of_a_unit_are_kept(pods: Pods) -> None:
    on_host.check_settings_of_a_unit_are_kept(pods)


def test_the_affinity_of_a_unit_reaches_apps(pods: Pods) -> None:
    on_host.check_affinity_of_a_unit_reaches_apps(pods)
