"""Pods of ``systemd-run``: what the host's tools show of them, and how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import transient_on_host as check

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_the_host_s_tools_show_a_pod_and_its_apps(pods: Pods) -> None:
    check.check_the_host_s_tools_show_a_pod(pods)


@pytest.mark.parametrize(("verb", "status"), [("poweroff", 0), ("terminate", 0), ("reboot", 133)])
def test_machinectl_ends_a_pod_in_order(pods: Pods, verb: str, status: int) -> None:
    check.check_machinectl_ends_a_pod(pods, verb, status)


@pytest.mark.usefixtures("gate")
def test_systemd_run_waits_until_the_app_is_ready(pods: Pods) -> None:
    check.check_systemd_run_waits_for_readiness(pods)


def test_systemd_run_pipes_through_an_app(pods: Pods) -> None:
    check.check_systemd_run_pipes_through_an_app(pods)


def test_systemd_run_gives_an_app_a_terminal(pods: Pods) -> None:
    check.check_systemd_run_gives_a_terminal(pods)


def test_a_pod_in_a_scope_ends_in_order(pods: Pods) -> None:
    check.check_a_scope_ends_in_order(pods)
