"""Events of pods on a booted host with hybrid cgroups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import events_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_every_form_has_its_events(pods: Pods) -> None:
    on_host.check_every_form_has_its_events(pods)


def test_kills_are_told(pods: Pods) -> None:
    on_host.check_kills_are_told(pods)


def test_fifty_services_at_once_have_exactly_their_events(pods: Pods) -> None:
    on_host.check_many_at_once_have_exactly_their_events(pods)


def test_the_bus_may_go_meanwhile(pods: Pods) -> None:
    on_host.check_the_bus_may_go_meanwhile(pods)


def test_a_killed_listener_leaves_nothing_out(pods: Pods) -> None:
    on_host.check_a_killed_listener_leaves_nothing_out(pods)


def test_nobody_waits_for_a_machined_that_hangs(pods: Pods) -> None:
    on_host.check_nobody_waits_for_a_machined_that_hangs(pods)
