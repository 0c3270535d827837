"""Pods that are hard to end leave no control group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import leftovers_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_a_frozen_service_is_ended_by_force(pods: Pods) -> None:
    on_host.check_a_frozen_service_is_ended_by_force(pods)


def test_a_frozen_pod_without_supervisor_is_collected(pods: Pods) -> None:
    on_host.check_a_frozen_pod_without_supervisor_is_collected(pods)


def test_what_a_service_may_leave_is_collected(pods: Pods) -> None:
    on_host.check_what_a_service_may_leave_is_collected(pods)


@pytest.mark.parametrize("script", ['rktpy stop --force "$2"', 'systemctl stop "$1"'])
def test_a_fork_bomb_ends(pods: Pods, script: str) -> None:
    on_host.check_a_fork_bomb_ends(pods, script)
