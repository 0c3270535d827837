"""Seeing inside pods on a host with systemd: names, ``top``, ``enter`` and ``cp``, in each form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import inside_on_host as on_host
from tests.support.pods_on_host import FORMS, SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


@pytest.mark.parametrize("form", FORMS)
def test_a_named_pod_is_seen_into(pods: Pods, form: str) -> None:
    on_host.check_seen_into(pods, form)


@pytest.mark.parametrize("form", ["shell", "transient"])
def test_an_app_sees_its_limit(pods: Pods, form: str) -> None:
    on_host.check_limits_are_seen(pods, form)


def test_a_name_is_free_for_the_next_start_of_a_service(pods: Pods) -> None:
    argv = pods.argv(SHELL, "exec sleep 1000", options=["--pod-name=web"])
    removed = "-/usr/bin/rktpy rm web"
    pod = pods.as_service(argv, ExecStartPre=removed).wait_active()
    pods.host.run(["systemctl", "restart", pod.unit])
    pods.host.wait_until("rktpy status --wait-ready=30s web")
    second = [uuid for uuid, state in pods.states().items() if state == "running"]

    assert len(second) == 1
    assert pod.uuid not in pods.states()
