"""Whether rktpy is the main process of a service, and what is said where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import main_process_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_a_script_is_told_to_exec(pods: Pods) -> None:
    on_host.check_a_script_is_told_to_exec(pods)


def test_pods_of_all_steps_of_a_service_run_in_it(pods: Pods) -> None:
    on_host.check_steps_of_a_service_are_its_own(pods)


def test_forked_and_executed_services_know_their_pod(pods: Pods) -> None:
    on_host.check_forked_and_executed(pods)


def test_a_service_that_is_not_root_is_refused(pods: Pods) -> None:
    on_host.check_a_service_that_is_not_root_is_refused(pods)


def test_a_session_of_pam_is_told(pods: Pods) -> None:
    on_host.check_a_session_of_pam_is_told(pods)
