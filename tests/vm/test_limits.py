"""Limits and devices with cgroup v2 alone, on Debian 12's kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import limits_on_host as on_host
from tests.support.pods_on_host import FORMS

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


@pytest.mark.parametrize("form", ["transient", "shell"])
def test_limits_of_apps_hold(pods: Pods, form: str) -> None:
    on_host.check_limits_hold(pods, form)


def test_writing_to_disks_is_slowed_down(pods: Pods) -> None:
    on_host.check_disks_are_slowed_down(pods)


def test_limits_in_a_service_without_delegation_are_told(pods: Pods) -> None:
    on_host.check_limits_in_vain_are_told(pods)


@pytest.mark.parametrize("form", FORMS)
def test_a_device_that_was_not_given_cannot_be_used(pods: Pods, form: str) -> None:
    on_host.check_devices_are_fenced(pods, form)
