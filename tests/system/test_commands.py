"""Pods in several commands of one unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import commands_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_every_command_of_a_unit_may_be_a_pod(pods: Pods) -> None:
    on_host.check_every_command_of_a_unit_may_be_a_pod(pods)
