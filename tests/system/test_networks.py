"""Pods in the default network of a booted host, whoever starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.networks_on_host import ask, asked, serving
from tests.support.pods_on_host import FORMS

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


@pytest.mark.parametrize("form", FORMS)
def test_a_pod_is_in_the_default_network_and_reaches_its_neighbour(pods: Pods, form: str) -> None:
    first = FORMS[form](pods, serving()).wait_active()
    second = FORMS[form](pods, serving()).wait_active()
    names = [f"rkt-{pod.uuid}" for pod in (first, second)]

    assert first.status()["networks"] == "default:ip4=172.16.28.2"
    assert second.status()["networks"] == "default:ip4=172.16.28.3"
    assert asked(pods, "172.16.28.2") == names[0]
    assert ask(pods, first, "172.16.28.3") == names[1]
    assert ask(pods, second, "172.16.28.2") == names[0]
    inside = ["nsenter", "--net", f"--target={first.leader()}", "ip", "-4", "-o", "addr"]
    assert "172.16.28.2/24" in pods.host.run(inside).stdout
    assert set(names) <= set(pods.machines())
    for pod in (first, second):
        pods.rktpy("stop", "--force", pod.uuid)
        pod.wait_end()


def test_what_a_reboot_takes_away_needs_no_gc_before_the_next_pod(pods: Pods) -> None:
    """Leases outlive a reboot, the rest does not."""
    first = pods.as_service(serving()).wait_active()
    pods.rktpy("stop", "--force", first.uuid)
    first.wait_end()
    pods.host.sh("umount /run/netns/*; rm /run/netns/*; nft flush ruleset; rm -rf /run/rktpy/net")
    second = pods.as_service(serving()).wait_active()

    assert second.status()["networks"] == "default:ip4=172.16.28.3"
    assert asked(pods, "172.16.28.3") == f"rkt-{second.uuid}"
    pods.rktpy("rm", first.uuid)
    assert asked(pods, "172.16.28.3") == f"rkt-{second.uuid}"
    pods.rktpy("stop", "--force", second.uuid)
    second.wait_end()
