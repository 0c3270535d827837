"""A service is active when its pod is ready, and a silent app is found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import readiness_on_host as check

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


@pytest.mark.usefixtures("gate")
def test_a_notify_service_is_active_when_its_app_says_so_and_not_before(pods: Pods) -> None:
    check.check_active_when_the_app_says_so(pods)


def test_whether_an_app_is_waited_for_is_its_user_s_choice(pods: Pods) -> None:
    check.check_whether_an_app_is_waited_for_is_its_user_s_choice(pods)


def test_a_reload_reaches_the_app_and_leaves_the_unit_as_it_is(pods: Pods) -> None:
    check.check_reload_reaches_the_app(pods)


@pytest.mark.parametrize("deaf", [False, True], ids=["polite", "deaf"])
@pytest.mark.usefixtures("gate")
def test_a_service_that_is_never_ready_fails_and_leaves_nothing(pods: Pods, *, deaf: bool) -> None:
    check.check_one_who_is_never_ready_fails(pods, deaf=deaf)


def test_an_app_that_does_not_feed_its_watchdog_fails_its_service(pods: Pods) -> None:
    check.check_a_silent_app_is_killed(pods)


@pytest.mark.usefixtures("gate")
def test_an_app_that_feeds_its_watchdog_lives_until_it_stops(pods: Pods) -> None:
    check.check_a_fed_watchdog_lets_the_app_live(pods)


def test_the_watchdog_of_a_unit_says_whom_it_watches(pods: Pods) -> None:
    check.check_the_watchdog_of_a_unit_is_nspawn_s(pods)
