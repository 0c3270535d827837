"""What can be seen of a pod from outside on a booted host, whichever its kernel and cgroups are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.pods_on_host import FORMS, SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods

_BUSY = "while :; do :; done"
# The limit as scripts look for it, and as runtimes do: by the path of /proc/self/cgroup.
_LOOK = """\
cd /sys/fs/cgroup
if test -e memory; then
    own=$(grep :memory: /proc/self/cgroup)
    cat memory/memory.limit_in_bytes "memory${own##*:}/memory.limit_in_bytes"
    echo 1 >memory/memory.limit_in_bytes
else
    own=$(cat /proc/self/cgroup)
    cat memory.max ".${own##*:}/memory.max"
    echo 1 >memory.max
fi
exit 7
"""


def check_seen_into(pods: Pods, form: str, *limits: str) -> dict[str, Any]:
    """Look into a busy pod with a name from every side; return its row of ``top``."""
    label = f"form={form}"
    start = pods.argv(SHELL, options=["--pod-name=busy", f"--pod-label={label}"])
    pod = FORMS[form](pods, [*start, *limits, "--", _BUSY]).wait_active()
    (row,) = json.loads(pods.rktpy("top", "--format=json", "--interval=1s", "busy"))
    (app,) = row["apps"]
    listed = json.loads(pods.rktpy("list", "--format=json", f"--label={label}"))
    entered = pods.rktpy("enter", "busy", "cat", "/proc/self/cgroup")
    stream = pods.rktpy("cp", "busy:/bin/sh", "-")
    processes = pod.processes("shell")
    pods.rktpy("stop", "--force", "busy")
    pod.wait_end()
    ended = pods.rktpy("status", "busy")

    assert (row["name"], row["pod_name"], app["name"]) == (pod.uuid, "busy", "shell")
    assert app["cpu_percent"] > 5
    assert row["cpu_time_ns"] >= app["cpu_time_ns"] > 0
    assert app["pids"] == len(processes) == 1 < row["pids"]
    assert [found["name"] for found in listed] == [pod.uuid]
    assert "::/system.slice/shell.service\n" in entered
    assert "busybox" in stream
    assert ended.endswith("name=busy\n")
    found: dict[str, Any] = row
    return found


def check_limits_are_seen(pods: Pods, form: str) -> None:
    """Let an app with a limit, in one of ``FORMS`` with a foreground, look for it."""
    pod = FORMS[form](pods, [*pods.argv(SHELL), "--memory=40Mi", "--", _LOOK])
    assert pod.process is not None
    done = pod.process.wait(timeout=60 * pods.host.slowness)
    lines = [line.rpartition("]: ")[2].rstrip("\r") for line in done.stdout.splitlines()]

    assert done.status == 7, done
    assert lines[:2] == [str(40 << 20)] * 2
    assert lines[2].endswith("Read-only file system")
