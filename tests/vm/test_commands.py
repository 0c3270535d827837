"""Pods in several commands of one unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import commands_on_host as on_host
from tests.support import main_process_on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_every_command_of_a_unit_may_be_a_pod(pods: Pods) -> None:
    on_host.check_every_command_of_a_unit_may_be_a_pod(pods, "--strict-isolators")


def test_the_commands_of_a_job_may_be_pods(pods: Pods) -> None:
    main_process_on_host.check_steps_of_a_service_are_its_own(pods)


def test_a_stop_before_the_start_is_in_order(pods: Pods) -> None:
    on_host.check_a_stop_before_the_start_is_in_order(pods)
