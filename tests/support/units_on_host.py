"""Unit files that run pods, as rkt's documentation has them, and pods that need each other."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.pods_on_host import RKTPY, SHELL, TRUSTING, quoted_for_unit, shell
from tests.support.readiness_on_host import AT_GATE, TELL, open_gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.support.pods_on_host import Pods

WEB = "example.com/web"  # its argument is a script; its port is "http"
OLD_SPELLING = {"CPUShares": "512", "MemoryLimit": "100M"}
NEW_SPELLING = {"CPUWeight": "50", "MemoryMax": "100M"}  # the same

_UNITS = "/etc/systemd/system"
_STAY = "trap 'echo orderly; exit 0' TERM; echo up; sleep 1000 & wait"
_SIMPLE = """\
[Unit]
Description=MyApp
Documentation=https://myapp.com/docs/1.3.4

[Service]
Slice=machine.slice
ExecStart={start}
KillMode=mixed
Restart=always

[Install]
WantedBy=multi-user.target
"""
_ADVANCED = """\
[Unit]
Description=MyApp
Documentation=https://myapp.com/docs/1.3.4
Requires=network-online.target
After=network-online.target

[Service]
Slice=machine.slice
Delegate=true
{limits}
Environment=HTTP_PROXY=192.0.2.3:5000
Environment=STORAGE_PATH=/opt/myapp
Environment=TMPDIR=/var/tmp
ExecStartPre={fetch}
ExecStart={start}
ExecStopPost={mark}
KillMode=mixed
Restart=always
"""
_SERVE = "busybox mkdir /www; busybox env >/www/env; exec busybox httpd -f -p 8080 -h /www"
_GET = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
_LIMITS = """\
cd /sys/fs/cgroup
if test -e memory; then
    cat "memory$1/memory.limit_in_bytes" "cpu$1/cpu.shares"
else
    cat ".$1/memory.max" ".$1/cpu.weight"
fi
"""


def web(path: Path) -> None:
    """Write ``shell`` with a port."""
    shell(path, WEB, app={"ports": [{"name": "http", "protocol": "tcp", "port": 8080}]})


@contextmanager
def installed(pods: Pods, units: Mapping[str, str]) -> Iterator[None]:
    """Write units as an administrator does; in the end stop, disable and remove them."""
    host = pods.host
    for name, text in units.items():
        host.write(f"{_UNITS}/{name}", text)
    host.run(["systemctl", "daemon-reload"])
    try:
        yield
    finally:
        host.sh('systemctl disable --quiet --now "$@" 2>&1', *units)
        host.sh(f'cd {_UNITS}; rm -- "$@"; systemctl daemon-reload', *units)


def running(pods: Pods, *, besides: Sequence[str] = ()) -> str:
    """Wait for the one pod that runs and is none of ``besides``; return it when it is up."""
    old = "|".join(("no-pod", *besides))
    find = f"rktpy list --full --no-legend | grep -vE '{old}' | grep -w running"
    pods.host.wait_until(find)
    (uuid,) = {line.split()[0] for line in pods.host.sh(find).stdout.splitlines()}
    pods.rktpy("status", "--wait-ready=30s", uuid)
    return uuid


def check_an_enabled_unit_starts(pods: Pods, boot: Callable[[], object]) -> None:
    """Enable the simple unit and let ``boot`` start it, which after ``disable`` nothing does."""
    host, name = pods.host, "myapp.service"
    link = f"{_UNITS}/multi-user.target.wants/{name}"
    with installed(pods, {name: _simple()}):
        host.run(["systemctl", "enable", name])
        enabled = host.sh(f"systemctl is-enabled {name}; readlink {link}").stdout
        boot()
        uuid = running(pods)
        host.run(["systemctl", "disable", "--now", name])
        host.sh(f"! test -e {link}")

    assert enabled == f"enabled\n{_UNITS}/{name}\n"
    assert pods.rktpy("logs", uuid).splitlines() == ["up", "orderly"]


def check_the_simple_unit(pods: Pods) -> None:
    """Its pod is replaced when it ends, and by ``restart``, and ends in order each time."""
    host, name = pods.host, "myapp.service"
    with installed(pods, {name: _simple()}):
        host.run(["systemctl", "start", name])
        first = running(pods)
        pods.rktpy("stop", first)
        second = running(pods, besides=[first])
        host.run(["systemctl", "restart", name])
        third = running(pods, besides=[first, second])
        host.run(["systemctl", "stop", name])
        stopped = pods.properties(name, "ActiveState", "Result", "ControlGroup")

    assert stopped == {"ActiveState": "inactive", "Result": "success", "ControlGroup": ""}
    for uuid in (first, second, third):
        assert pods.rktpy("logs", uuid).splitlines() == ["up", "orderly"]
    assert set(pods.states().values()) == {"exited"}


def _simple() -> str:
    return _SIMPLE.format(start=quoted_for_unit([*TRUSTING, "run", SHELL, "--", _STAY]))


def check_a_deaf_app_is_killed_in_the_end(pods: Pods) -> None:
    """Nothing of it outlives ``TimeoutStopSec=``."""
    deaf = "trap '' TERM; echo up; while :; do sleep 1; done"
    pod = pods.as_service(pods.argv(SHELL, deaf), TimeoutStopSec="2s").wait_active()
    before = pod.processes("shell")
    pods.host.run(["systemctl", "stop", pod.unit])
    pod.wait_unregistered()

    assert before
    assert pod.properties("ActiveState", "Result", "ControlGroup") == {
        "ActiveState": "failed",
        "Result": "timeout",
        "ControlGroup": "",
    }
    assert pod.processes("shell") == []
    pods.rktpy("gc", "--grace-period=0s")
    assert pods.states() == {}


def check_the_advanced_unit(pods: Pods, limits: Mapping[str, str]) -> None:
    """Ask the server in the pod for its environment, and the kernel for the limits of the unit."""
    host, name = pods.host, "myapp.service"
    text = _ADVANCED.format(
        limits="\n".join(f"{key}={value}" for key, value in limits.items()),
        fetch=" ".join((*TRUSTING, "fetch", "/srv/pods-on-host/web.aci")),
        start=quoted_for_unit(
            [*TRUSTING, "run", "--inherit-env", "--port=http:8888", WEB, "--", _SERVE]
        ),
        mark=f"{RKTPY} gc --mark-only",
    )
    pods.rktpy("image", "rm", WEB)
    with installed(pods, {name: text}):
        host.run(["systemctl", "start", name])
        uuid = running(pods)
        get = ["python3", "-c", _GET, "http://127.0.0.1:8888/env"]
        host.wait_until(f'python3 -c "{_GET}" "{get[-1]}"')
        environment = host.run(get).stdout.splitlines()
        group = pods.properties(name, "ControlGroup")["ControlGroup"]
        memory, processor = host.sh(_LIMITS, group).stdout.split()
        host.run(["systemctl", "stop", name])
        result = pods.properties(name, "Result")

    assert group == f"/machine.slice/{name}"
    assert {"HTTP_PROXY=192.0.2.3:5000", "STORAGE_PATH=/opt/myapp", "TMPDIR=/var/tmp"} <= set(
        environment
    )
    assert int(memory) == 100 << 20
    assert processor in ("512", "50"), "shares of cgroup v1, and the weight of v2 for them"
    assert result == {"Result": "success"}
    assert pods.states() == {uuid: "exited garbage"}


def check_one_pod_waits_for_another(pods: Pods) -> None:
    """``web`` needs ``db``, ``aide`` is bound to it; ``db`` says late that it is ready."""
    host = pods.host
    serve = ("wait=/gate/open", "say=READY=1", "serve")
    units = {
        "db.service": _service(pods.argv(TELL, *serve, options=AT_GATE), ""),
        "web.service": _service(pods.argv(SHELL, _STAY), "Requires=db.service\nAfter=db.service"),
        "aide.service": _service(pods.argv(SHELL, _STAY), "BindsTo=db.service\nAfter=db.service"),
        # Keeps them loaded, so that systemd remembers when they ended.
        "shop.target": "[Unit]\nWants=web.service aide.service\n",
    }
    parts = [name for name in units if name.endswith(".service")]
    with installed(pods, units):
        host.run(["systemctl", "start", "--no-block", "shop.target"])
        host.wait_until("rktpy logs $(rktpy list --full --no-legend | cut -f1) | grep waiting")
        early = _states(pods, parts)
        open_gate(pods)
        host.wait_until("systemctl is-active web.service && systemctl is-active aide.service")
        begun = _times(pods, parts, "ActiveEnterTimestampMonotonic")
        host.run(["systemctl", "stop", "db.service"])
        ended = _times(pods, parts, "InactiveEnterTimestampMonotonic")
        late = _states(pods, parts)
        host.run(["systemctl", "start", "web.service", "aide.service"])
        _end_by_itself(pods, "db.service")
        host.wait_until("systemctl is-active aide.service | grep -x inactive")
        left = _states(pods, parts)

    assert early == {
        "db.service": "activating",
        "web.service": "inactive",
        "aide.service": "inactive",
    }
    assert begun["db.service"] < min(begun["web.service"], begun["aide.service"])
    assert max(ended["web.service"], ended["aide.service"]) < ended["db.service"]
    assert set(late.values()) == {"inactive"}
    assert left == {"db.service": "inactive", "web.service": "active", "aide.service": "inactive"}


def check_a_pod_whose_need_fails_is_not_started(pods: Pods) -> None:
    units = {
        "db.service": _service(pods.argv(TELL, "no such step"), ""),
        "web.service": _service(pods.argv(SHELL, _STAY), "Requires=db.service\nAfter=db.service"),
    }
    with installed(pods, units):
        said = pods.host.run(["systemctl", "start", "web.service"], status=1).stderr
        states = _states(pods, units)
        pods.host.run(["systemctl", "reset-failed", "db.service"])
    (status,) = (pods.rktpy("status", uuid) for uuid in pods.states())

    assert "A dependency job for web.service failed" in said
    assert states == {"db.service": "failed", "web.service": "inactive"}
    assert "app-tell=1" in status.splitlines()


def check_a_part_goes_with_the_whole(pods: Pods) -> None:
    """``PartOf=``: stopped and restarted with it, but not started."""
    host = pods.host
    units = {
        "db.service": _service(pods.argv(SHELL, _STAY), ""),
        "part.service": _service(pods.argv(SHELL, _STAY), "PartOf=db.service\nAfter=db.service"),
    }
    with installed(pods, units):
        host.run(["systemctl", "start", "db.service"])
        alone = _states(pods, units)
        host.run(["systemctl", "start", "part.service"])
        before = pods.properties("part.service", "MainPID")
        host.run(["systemctl", "restart", "db.service"])
        host.wait_until("systemctl is-active part.service")
        after = pods.properties("part.service", "MainPID")
        host.run(["systemctl", "stop", "db.service"])
        late = _states(pods, units)

    assert alone == {"db.service": "active", "part.service": "inactive"}
    assert before != after
    assert set(late.values()) == {"inactive"}


def _service(argv: Sequence[str], needs: str) -> str:
    return (
        f"[Unit]\n{needs}\n[Service]\nType=notify\nKillMode=mixed\nDelegate=yes\n"
        f"ExecStart={quoted_for_unit(argv)}\n"
    )


def _states(pods: Pods, units: Iterable[str]) -> dict[str, str]:
    return {unit: pods.properties(unit, "ActiveState")["ActiveState"] for unit in units}


def _times(pods: Pods, units: Iterable[str], name: str) -> dict[str, int]:
    return {unit: int(pods.properties(unit, name)[name]) for unit in units}


def _end_by_itself(pods: Pods, unit: str) -> None:
    """Let the pod of ``unit`` end without a job of the host's systemd."""
    group = pods.properties(unit, "ControlGroup")["ControlGroup"]
    (process,) = pods.processes(f"{group}/payload/system.slice/tell.service")
    pods.host.run(["kill", str(process)])
    pods.host.wait_until(f"systemctl is-active {unit} | grep -x inactive")
