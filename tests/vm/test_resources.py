"""Resources of units, measured: the guest's systemd has every controller of cgroup v2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import resources_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_limits_of_a_unit_hold_for_its_pod(pods: Pods) -> None:
    on_host.check_limits_of_a_unit_hold(pods)


def test_the_memory_of_a_unit_ends_the_app_that_wants_more(pods: Pods) -> None:
    on_host.check_a_unit_s_memory_ends_the_app(pods)


def test_the_processors_of_a_unit_are_those_of_its_apps(pods: Pods) -> None:
    on_host.check_affinity_of_a_unit_reaches_apps(pods)


def test_the_memory_of_a_unit_is_taken_back_in_time(pods: Pods) -> None:
    on_host.check_memory_is_taken_back(pods)


def test_processor_time_is_weighed_between_units(pods: Pods) -> None:
    on_host.check_processor_time_is_weighed(pods)


def test_disks_are_weighed_between_units(pods: Pods) -> None:
    on_host.check_disks_are_weighed(pods)
