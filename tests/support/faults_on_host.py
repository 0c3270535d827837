"""What becomes of a pod that is sent a signal, or whose host loses a service, as a table.

``docs/explanation/faults.md`` has the same rows in words; a conformance test compares them. What
a pod leaves behind is looked for by ``Pods.clean`` and the leak check of each tier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.pods_on_host import FORMS, SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods, StartedPod

RUNS = "runs on"
_APP = "shell"  # the app of the image SHELL
# $1 is the process, $2 the signal.
_SEND = 'kill -s "$2" "$1"'
_PARENT = 'ps -o ppid= -p "$1"'


@dataclass(frozen=True)
class Signal:
    """A signal to one process of a pod, and what follows.

    ``result`` is ``Result=`` of the service, ``status`` its ``ExecMainStatus=``, ``in_shell``
    the exit status that a shell sees (-9: killed), ``app`` the recorded status of the app, "" if
    none could be recorded. ``RUNS`` in place of ``result``: the pod does not end.
    """

    signal: str
    target: str
    result: str
    status: int = 0
    in_shell: int | None = None
    app: str = ""

    @property
    def name(self) -> str:
        """The row of the table."""
        return f"SIG{self.signal} to {self.target}"

    @property
    def outcome(self) -> str:
        """What the table says of a pod that is a service."""
        return self.result if self.result == RUNS else f"{self.result}, {self.status}"


@dataclass(frozen=True)
class Loss:
    """What happens to a service of the host while a pod runs, which does not mind."""

    name: str
    script: str
    repair: str = "true"
    outcome: str = RUNS


SIGNALS = (
    Signal("TERM", "nspawn", "success", 0, in_shell=0, app="0"),
    Signal("INT", "nspawn", "success", 0, in_shell=0, app="0"),
    Signal("HUP", "nspawn", "success", 0, in_shell=-1),  # a good death to systemd
    Signal("KILL", "nspawn", "signal", 9, in_shell=-9),
    Signal("TERM", "PID 1", RUNS),  # systemd executes itself anew
    # A reboot, which nspawn leaves to the service; nobody would start the pod of a shell again.
    Signal("INT", "PID 1", "exit-code", 133, in_shell=0, app="0"),
    Signal("KILL", "PID 1", "exit-code", 1, in_shell=1),
    Signal("TERM", "the app", "exit-code", 15, in_shell=15, app="15"),
    Signal("INT", "the app", "exit-code", 2, in_shell=2, app="2"),
    Signal("KILL", "the app", "exit-code", 9, in_shell=9, app="9"),
)
LOSSES = (
    Loss("machined stopped", "systemctl stop systemd-machined",
         repair="systemctl start systemd-machined"),
    Loss("machined restarted", "systemctl restart systemd-machined"),
    Loss("machined killed", "systemctl kill --signal=KILL systemd-machined",
         repair="systemctl start systemd-machined"),
    Loss("machined masked",
         "systemctl mask --runtime systemd-machined; systemctl stop systemd-machined",
         repair="systemctl unmask --runtime systemd-machined; systemctl start systemd-machined"),
    # machined ends with its connection, and nobody starts it before it is asked something.
    Loss("dbus restarted", "systemctl restart dbus", repair="systemctl start systemd-machined"),
    Loss("journald restarted", "systemctl restart systemd-journald"),
    Loss("daemon-reexec", "systemctl daemon-reexec"),
    Loss("daemon-reload", "systemctl daemon-reload"),
)  # fmt: skip


def check_signal(pods: Pods, case: Signal, form: str) -> None:
    """Send the signal of ``case`` to a running pod of ``form``; look at unit, pod and app."""
    pod = _started(pods, form)
    pods.host.sh(_SEND, str(_target(pod, case.target)), case.signal)
    if case.result == RUNS:
        _check_runs_and_stops(pod, form)
        return
    status = pod.wait_end()
    if form == "service":
        told = pods.properties(pod.unit, "ActiveState", "Result")
        state = "inactive" if case.result == "success" else "failed"
        assert told == {"ActiveState": state, "Result": case.result}
        assert status == case.status
    else:
        assert status == case.in_shell
    pod.wait_unregistered()
    assert pod.processes(_APP) == []
    assert pods.states()[pod.uuid].startswith("exited")
    assert pod.status().get(f"app-{_APP}", "") == case.app


def check_loss(pods: Pods, case: Loss, form: str) -> None:
    """Do what ``case`` says while a pod runs: it runs on, is listed, and ends in order."""
    pod = _started(pods, form)
    try:
        pods.host.sh(case.script)
        _check_runs_and_stops(pod, form)
    finally:
        pods.host.sh(case.repair)


def _started(pods: Pods, form: str) -> StartedPod:
    return FORMS[form](pods, pods.argv(SHELL, "exec sleep 1000")).wait_active()


def _target(pod: StartedPod, target: str) -> int:
    if target == "the app":
        (process,) = pod.processes(_APP)
        return process
    leader = pod.leader()
    if target == "PID 1":
        return leader
    return int(pod.pods.host.sh(_PARENT, str(leader)).stdout)


def _check_runs_and_stops(pod: StartedPod, form: str) -> None:
    assert pod.pods.states()[pod.uuid] == "running"
    assert pod.processes(_APP)
    assert pod.pods.rktpy("enter", pod.uuid, "/bin/echo", "here").strip() == "here"
    if form == "service":
        assert pod.properties("ActiveState") == {"ActiveState": "active"}
    pod.pods.rktpy("stop", pod.uuid)
    assert pod.wait_end() == 0
    assert pod.status()[f"app-{_APP}"] == "0"
