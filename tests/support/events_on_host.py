"""What ``rktpy events`` tells of pods on a booted host, whichever its kernel and cgroups are."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.listening import short
from tests.support.pods_on_host import FORMS, RKTPY, SHELL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.pods_on_host import Pods, StartedPod
    from tests.support.remote import RemoteProcess

_MANY = 50
_WATCHING = 'test "$(cat "/proc/$1"/fdinfo/* 2>/dev/null | grep -c "inotify wd:")" -ge 5'
_LIFE = [
    "preparing", "started", "registered", "ready",
    "shell:exited=0", "exited=0", "unregistered", "marked", "removed",
]  # fmt: skip
_ORDER = ("preparing", "started", "registered", "ready", "exited=0", "marked", "removed")
_AT_ONCE = """\
for n in $(seq "$1"); do
    systemd-run --quiet --unit="events-$n" -p KillMode=mixed -p Delegate=yes -p Type=exec \
        rktpy --insecure-options=image run --net=host "$2" -- 'exit 0'
done
for n in $(seq "$1"); do
    while systemctl is-active --quiet "events-$n"; do sleep 0.1; done
done
"""


class _Listening:
    def __init__(self, process: RemoteProcess, slowness: float) -> None:
        self._process = process
        self._slowness = slowness

    def found(self) -> list[dict[str, Any]]:
        """Return what has been told so far."""
        whole = bytes(self._process.out).rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def until(self, enough: Callable[[list[dict[str, Any]]], bool]) -> None:
        """Wait until what was told is enough."""
        done = self._process.wait_until(lambda: enough(self.found()), timeout=60 * self._slowness)
        assert done, [short(event) for event in self.found()]

    def of(self, uuid: str, last: str) -> list[str]:
        """Return the steps of one pod in short, once its step ``last`` was told."""
        wanted = ("pod", last, uuid)
        self.until(lambda all_: any((e["type"], e["event"], e["name"]) == wanted for e in all_))
        return [short(event) for event in self.found() if event["name"] == uuid]


@contextmanager
def _listening(pods: Pods, *options: str, complaints: Sequence[str] = ()) -> Iterator[_Listening]:
    """Listen to pods and apps meanwhile; afterwards the listener ends by SIGTERM.

    It has made ``complaints``, a line each, and no others.
    """
    host = pods.host
    kinds = ("--filter=type=pod", "--filter=type=app")
    process = host.start([RKTPY, "events", "--format=json", *kinds, *options])
    host.wait_until(_WATCHING, str(process.pid))
    yield _Listening(process, host.slowness)
    process.kill(signal.SIGTERM)
    ended = process.wait(timeout=30 * host.slowness)
    said = ended.stderr.splitlines()
    assert (ended.status, len(said)) == (-signal.SIGTERM, len(complaints)), ended
    assert all(words in line for words, line in zip(complaints, said, strict=True)), ended


def check_every_form_has_its_events(pods: Pods) -> None:
    """Run a pod from a shell, as a service and transient; stop each, then collect all."""
    with _listening(pods) as listening:
        lives = {}
        for form, start in FORMS.items():
            pod = start(pods, pods.argv(SHELL, "exec sleep 600", options=[f"--pod-name={form}"]))
            uuid = pod.wait_active().uuid
            assert listening.of(uuid, "ready") == _LIFE[:4]
            pods.rktpy("stop", uuid)
            lives[uuid] = listening.of(uuid, "unregistered")
        pods.rktpy("gc", "--grace-period=0s")
        ends = [listening.of(uuid, "removed") for uuid in lives]
        names = {event["pod_name"] for event in listening.found() if event["event"] == "removed"}

    assert list(lives.values()) == [_LIFE[:7]] * len(FORMS)
    assert ends == [_LIFE] * len(FORMS)
    assert names == set(FORMS)


def check_kills_are_told(pods: Pods) -> None:
    """Kill the app, then the PID 1 of a pod, then the supervisor of another one."""
    with _listening(pods) as listening:
        app = _running(pods)
        pods.host.sh("for pid; do kill -9 $pid; done", *map(str, app.processes("shell")))
        killed_app = listening.of(app.uuid, "unregistered")
        init = _running(pods)
        pods.host.sh("kill -9 $1", str(init.leader()))
        killed_init = listening.of(init.uuid, "unregistered")
        supervisor = _running(pods)
        pods.host.sh('kill -9 "$(cat "/var/lib/rkt/pods/run/$1/ppid")"', supervisor.uuid)
        killed_supervisor = listening.of(supervisor.uuid, "unregistered")

    assert killed_app == [*_LIFE[:4], "shell:exited=9", "exited=9", "unregistered"]
    assert killed_init == [*_LIFE[:4], "exited=None", "unregistered"]
    assert killed_supervisor == [*_LIFE[:4], "exited=None", "unregistered"]


def check_many_at_once_have_exactly_their_events(pods: Pods, count: int = _MANY) -> None:
    """Start services at once, each with a pod that ends by itself, while a collector is at work."""
    host = pods.host
    with _listening(pods) as listening:
        host.sh(_AT_ONCE, str(count), SHELL, timeout=120 * host.slowness)
        pods.rktpy("gc", "--grace-period=0s")
        listening.until(lambda all_: _count(all_, "removed") >= count)
        listening.until(lambda all_: _count(all_, "unregistered") >= count)
        found = listening.found()

    uuids = {event["name"] for event in found}
    assert len(uuids) == count
    for uuid in uuids:
        steps = [short(event) for event in found if event["name"] == uuid]
        assert sorted(steps) == sorted(_LIFE)
        assert [step for step in steps if step in _ORDER] == list(_ORDER)


def check_a_killed_listener_leaves_nothing_out(pods: Pods) -> None:
    """Kill it while a pod runs; the next one begins with what it missed."""
    host = pods.host
    first = host.start([RKTPY, "events", "--format=json", "--filter=type=pod"])
    host.wait_until(_WATCHING, str(first.pid))
    pod = _running(pods)
    first.wait_for_output('"event":"ready"', timeout=30 * host.slowness)
    first.kill(signal.SIGKILL)
    told = [json.loads(line) for line in first.wait().stdout.splitlines()]
    pods.rktpy("stop", pod.uuid)
    pods.rktpy("status", "--wait", pod.uuid)
    since = f"--since={told[-1]['time_ns'] // 1000 / 1e6 + 0.000001:.6f}"
    with _listening(pods, since) as listening:
        rest = listening.of(pod.uuid, "exited")

    assert [short(event) for event in told] == _LIFE[:4]
    assert rest == _LIFE[4:6]


def check_the_bus_may_go_meanwhile(pods: Pods) -> None:
    """Restart dbus, with which machined ends; a pod ends while neither can be heard."""
    host = pods.host
    complaints = ("the message bus hung up", "the message bus is back")
    with _listening(pods, complaints=complaints) as listening:
        before = _running(pods)
        listening.of(before.uuid, "ready")
        host.sh("systemctl restart dbus")
        pods.rktpy("stop", before.uuid)
        assert listening.of(before.uuid, "exited") == _LIFE[:6]
        host.sh("systemctl start systemd-machined")
        assert listening.of(before.uuid, "unregistered") == _LIFE[:7]
        after = _running(pods)
        assert listening.of(after.uuid, "ready") == _LIFE[:4]
        pods.rktpy("stop", after.uuid)
        assert listening.of(after.uuid, "unregistered") == _LIFE[:7]


def check_nobody_waits_for_a_machined_that_hangs(pods: Pods) -> None:
    """Stop machined before they listen, who wants what was before and who does not.

    A pod that it knew is told to have come when it is back, once, and only to who asked for it.
    """
    host = pods.host
    known = _running(pods)
    machined = host.sh("systemctl show -P MainPID systemd-machined").stdout.strip()
    late = ("machine1: no answer within 5 s: registrations of pods are told when it answers",)
    host.sh("kill -STOP $1", machined)
    try:
        with (
            _listening(pods, complaints=late) as listening,
            _listening(pods, f"--since={host.sh('date +%s -d -1hour').stdout.strip()}",
                       complaints=late) as since,
        ):  # fmt: skip
            prepared = pods.rktpy("prepare", SHELL).strip()
            assert listening.of(prepared, "prepared") == ["preparing", "prepared"]
            assert since.of(known.uuid, "ready") == ["preparing", "started", "ready"]
            host.sh("kill -CONT $1", machined)
            assert since.of(known.uuid, "registered")[3:] == ["registered"]
            after = _running(pods)
            assert listening.of(after.uuid, "ready") == _LIFE[:4]
            for pod in (known, after):
                pods.rktpy("stop", pod.uuid)
            assert listening.of(known.uuid, "unregistered") == _LIFE[4:7]
            assert since.of(after.uuid, "unregistered") == _LIFE[:7]
    finally:
        host.sh("kill -CONT $1", machined)


def _count(found: Sequence[dict[str, Any]], step: str) -> int:
    return sum(event["event"] == step for event in found)


def _running(pods: Pods) -> StartedPod:
    return pods.as_service(pods.argv(SHELL, "exec sleep 600")).wait_active()
