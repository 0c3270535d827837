"""Socket activation with cgroup v2 alone, on Debian 12's kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import sockets_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_sockets_of_every_kind_reach_an_app(pods: Pods) -> None:
    on_host.check_every_kind(pods)


def test_connections_wait_for_the_next_pod(pods: Pods) -> None:
    on_host.check_connections_wait_for_the_next_pod(pods)
