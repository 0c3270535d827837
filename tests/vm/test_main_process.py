"""Whether rktpy is the main process of a service, with cgroup v2 alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import main_process_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_a_script_is_told_to_exec(pods: Pods) -> None:
    on_host.check_a_script_is_told_to_exec(pods)
