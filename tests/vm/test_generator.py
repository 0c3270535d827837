"""Pods that are declared in files become units at a daemon-reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import generator_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_pods_of_files_wait_until_the_other_is_healthy(pods: Pods) -> None:
    on_host.check_pods_of_files(pods)
