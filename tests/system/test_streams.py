"""``run --interactive`` in a pipeline, from a shell and from a unit of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.pods_on_host import SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods

UNIT = "systemd-run --quiet --wait --pipe --property=KillMode=mixed --property=Delegate=yes "


@pytest.mark.parametrize("starter", ["", UNIT, UNIT + "--slice=machine.slice "])
def test_an_app_is_a_part_of_a_pipeline(pods: Pods, starter: str) -> None:
    argv = pods.argv(SHELL, "cat; echo aside >&2; exit 4", options=("-i",))

    script = f'printf "one\\r\\ntwo" | {starter}"$@"'
    done = pods.host.sh(script, *argv, status=4)

    assert (done.stdout, done.stderr) == ("one\r\ntwo", "aside\n")
