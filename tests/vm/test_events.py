"""Events of pods with cgroup v2 alone; the overlayfs of Debian 12 tells less than newer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import events_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_every_form_has_its_events(pods: Pods) -> None:
    on_host.check_every_form_has_its_events(pods)


def test_a_killed_listener_leaves_nothing_out(pods: Pods) -> None:
    on_host.check_a_killed_listener_leaves_nothing_out(pods)


def test_nobody_waits_for_a_machined_that_hangs(pods: Pods) -> None:
    on_host.check_nobody_waits_for_a_machined_that_hangs(pods)
