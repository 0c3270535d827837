"""Pods in several commands of one unit with ``Delegate=yes``, on a booted host.

On cgroup v2 what one of them leaves in the unit's control group would keep the next one out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.pods_on_host import SHELL, quoted_for_unit

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods

_STAY = "trap 'echo orderly; exit 0' TERM; echo up; sleep 1000 & wait"
_GONE = 'for top in /sys/fs/cgroup /sys/fs/cgroup/*; do test ! -d "$top/system.slice/$1"; done'


def check_every_command_of_a_unit_may_be_a_pod(pods: Pods, *options: str) -> None:
    """One before the start, one after it, two after the stop, each with a limit and ``options``."""

    def commands(setting: str, *words: str) -> str:
        lines = []
        for word in words:
            argv = [*pods.argv(SHELL, options=options), "--memory=40M", "--", f"echo {word}"]
            lines.append(f"{setting}={quoted_for_unit(argv)}\n")
        return "".join(lines)

    unit = pods.add_unit(
        "commands.service",
        "[Service]\nType=notify\nDelegate=yes\nKillMode=mixed\n"
        + commands("ExecStartPre", "first")
        + f"ExecStart={quoted_for_unit(pods.argv(SHELL, _STAY))}\n"
        + commands("ExecStartPost", "second")
        + commands("ExecStopPost", "third", "fourth"),
    )
    pods.host.run(["systemctl", "start", unit], timeout=120)
    pods.host.run(["systemctl", "stop", unit], timeout=120)

    assert pods.properties(unit, "Result", "ActiveState") == {
        "Result": "success",
        "ActiveState": "inactive",
    }
    assert _said(pods, unit) == ["first", "up", "second", "orderly", "third", "fourth"]
    pods.host.wait_until(_GONE, unit)


def check_a_stop_before_the_start_is_in_order(pods: Pods) -> None:
    """Stop a unit while the pod of its ``ExecStartPre=`` runs."""
    before = quoted_for_unit(pods.argv(SHELL, _STAY))
    unit = pods.unit("early.service", {"ExecStartPre": before, "ExecStart": "/bin/sleep 300"})
    pods.host.run(["systemctl", "start", "--no-block", unit])
    pods.host.wait_until('journalctl --quiet --output=cat --unit="$1" | grep " up$"', unit)
    pods.host.run(["systemctl", "stop", unit], timeout=120)

    assert _said(pods, unit) == ["up", "orderly"]
    assert pods.properties(unit, "ActiveState") == {"ActiveState": "inactive"}
    pods.host.wait_until(_GONE, unit)


def _said(pods: Pods, unit: str) -> list[str]:
    """Return what apps printed, from the journal of the unit."""
    pods.host.run(["journalctl", "--sync"])
    return re.findall(r"shell\[\d+\]: (\w+)$", pods.journal(f"--unit={unit}"), re.MULTILINE)
