"""When pods of units ended, as ``ExecStopPost=rktpy gc --mark-only`` leaves it behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.pods_on_host import RKTPY, SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods, StartedPod

_MARK = f"{RKTPY} gc --mark-only"


def check_end_is_recorded(pods: Pods) -> None:
    """End one pod in order and one by SIGKILL to its nspawn."""
    ended = pods.as_service(pods.argv(SHELL, "sleep 1; exit 3"), ExecStopPost=_MARK)
    before = _now(pods)
    assert ended.wait_end() == 3
    between = _now(pods)
    killed = pods.as_service(pods.argv(SHELL, "exec sleep 1000"), ExecStopPost=_MARK).wait_active()
    pods.host.sh('kill -9 "$1"', killed.status()["pid"])
    killed.wait_end()
    after = _now(pods)
    orderly, by_force = _told(pods, ended), _told(pods, killed)

    assert set(pods.states().values()) == {"exited garbage"}
    assert before <= orderly["ended_at"] <= between
    assert between <= by_force["ended_by"] <= after
    assert "ended_at" not in by_force
    # The grace period counts from there.
    pods.rktpy("gc", "--grace-period=1h")
    assert len(pods.states()) == 2


def _now(pods: Pods) -> int:
    return int(pods.host.run(["date", "+%s"]).stdout)


def _told(pods: Pods, pod: StartedPod) -> dict[str, int]:
    document: dict[str, int] = json.loads(pods.rktpy("status", "--format=json", pod.uuid))
    return document
