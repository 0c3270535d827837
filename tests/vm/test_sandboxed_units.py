"""Pods in units with sandboxing directives, with cgroup v2 alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import sandbox_of_unit_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_pods_run_in_units_that_restrict_what_they_do_not_need(pods: Pods) -> None:
    on_host.check_pods_run_in_units_that_restrict_what_they_do_not_need(pods)


def test_units_that_no_pod_can_live_in_are_told(pods: Pods) -> None:
    on_host.check_units_that_no_pod_can_live_in_are_told(pods)


def test_a_unit_that_no_pod_can_live_in_replaces_none(pods: Pods) -> None:
    on_host.check_a_unit_that_no_pod_can_live_in_replaces_none(pods)
