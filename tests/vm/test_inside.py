"""Seeing inside pods on pure cgroup v2, where every controller reaches into pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import inside_on_host as on_host

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


@pytest.mark.parametrize("form", ["shell", "service"])
def test_every_figure_of_pod_and_app_is_known(pods: Pods, form: str) -> None:
    row = on_host.check_seen_into(pods, form, "--memory=64M")
    (app,) = row["apps"]

    assert app["memory_limit"] == 64_000_000
    assert row["memory"] > app["memory"] > 0
    assert None not in (row["io_read"], row["io_written"])


@pytest.mark.parametrize("form", ["shell", "transient"])
def test_an_app_sees_its_limit(pods: Pods, form: str) -> None:
    on_host.check_limits_are_seen(pods, form)
