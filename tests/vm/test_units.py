"""Units that are pods, on a host with pure cgroup v2 that really boots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import generator_on_host, transient_on_host, units_on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods
    from tests.support.vm import VmHost


def test_the_host_s_tools_show_a_pod_and_its_apps(pods: Pods) -> None:
    transient_on_host.check_the_host_s_tools_show_a_pod(pods)


def test_what_is_enabled_or_declared_in_a_file_starts_with_the_host(
    pods: Pods, host: VmHost
) -> None:
    def boot() -> None:
        generator_on_host.check_a_boot_starts_it(pods, host.reboot)

    units_on_host.check_an_enabled_unit_starts(pods, boot)


def test_the_advanced_unit_works_as_written(pods: Pods) -> None:
    units_on_host.check_the_advanced_unit(pods, units_on_host.OLD_SPELLING)


@pytest.mark.usefixtures("gate")
def test_a_pod_waits_for_the_one_that_it_needs(pods: Pods) -> None:
    units_on_host.check_one_pod_waits_for_another(pods)
