"""What becomes of a pod that is sent a signal, or whose host loses a service, as a table.

``docs/explanation/faults.md`` has the same rows in words; a conformance test compares them. What
a pod leaves behind is looked for by ``Pods.clean`` and the leak check of each tier.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.pods_on_host import FORMS, SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods, StartedPod

RUNS = "runs on"
_APP = "shell"  # the app of the image SHELL
# $1 is the process, $2 the signal.
_SEND = 'kill -s "$2" "$1"'
_PARENT = 'ps -o ppid= -p "$1"'
_PODS = "/var/lib/rkt/pods"
_MACHINES = "/run/systemd/machines"


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
class Kill:
    """``systemctl kill`` with ``options`` of the service that a pod is, as ``Signal`` has it."""

    options: str
    result: str
    status: int = 0
    app: str = ""
    then: str = ""  # options of a second one

    @property
    def name(self) -> str:
        """The row of the table."""
        return ", then ".join(f"`{options}`" for options in (self.options, self.then) if options)

    @property
    def outcome(self) -> str:
        """What the table says."""
        return self.result if self.result == RUNS else f"{self.result}, {self.status}"


@dataclass(frozen=True)
class Shortage:
    """An app that wants more than there is: of memory, by a limit, or of the disk.

    ``small_disk``: the pods of the host are on one. ``oom``: ``status`` says that memory was short;
    None: where cgroup v1 has no count for the app it does not.
    """

    name: str
    work: str
    result: str
    status: int
    setting: str = ""  # of the unit
    options: tuple[str, ...] = ()  # of the app
    small_disk: bool = False
    oom: bool | None = False

    @property
    def outcome(self) -> str:
        """What the table says."""
        return f"{self.result}, {self.status}"


@dataclass(frozen=True)
class Start:
    """A pod that starts while the host lacks something. ``warning`` is what it says by form."""

    name: str
    script: str
    repair: str
    warning: dict[str, str] = field(default_factory=dict)
    forms: tuple[str, ...] = ("service", "shell")
    outcome: str = RUNS


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
# What they leave of their networks is looked for by the leak check of the tier.
IN_A_NETWORK = tuple(case for case in SIGNALS if case.name in (
    "SIGTERM to nspawn", "SIGKILL to nspawn", "SIGKILL to PID 1"
))  # fmt: skip
# Who dies of a signal does so in a service as ``KillMode=mixed`` has it: systemd ends the rest.
KILLS = (
    Kill("--kill-whom=main", "success", app="0"),
    Kill("--kill-whom=all --signal=KILL", "signal", 9),
    Kill("--kill-whom=main --signal=QUIT", "signal", 3),
    Kill("--kill-whom=main --signal=USR1", "signal", 10),
    Kill("--kill-whom=main --signal=STOP", RUNS, then="--kill-whom=main --signal=CONT"),
)
_EAT = "dd if=/dev/zero of=/dev/null bs=150M count=1"
SHORTAGES = (
    Shortage("`MemoryMax=` of the unit", f"exec {_EAT}", "exit-code", 9, setting="60M", oom=None),
    Shortage(
        "`--memory=` of the app",
        f"exec {_EAT}",
        "exit-code",
        9,
        options=("--memory=60Mi",),
        oom=True,
    ),
    Shortage("a full disk", "cat /dev/zero > /fill || exit 6", "exit-code", 6, small_disk=True),
)
STARTS = (
    Start("the bus stopped", "systemctl stop dbus.socket dbus.service",
          repair="systemctl start dbus.socket dbus.service systemd-machined",
          warning={"service": "the system bus does not run, machinectl will not know the pod",
                   "shell": "the system bus does not run, so the pod stays in the caller's unit"}),
    Start("machined masked while it runs",
          "systemctl start systemd-machined; systemctl mask --runtime systemd-machined",
          repair="systemctl unmask --runtime systemd-machined"),
    Start("machined masked",
          "systemctl mask --runtime systemd-machined; systemctl stop systemd-machined",
          repair="systemctl unmask --runtime systemd-machined; systemctl start systemd-machined"),
    # systemctl does not work either then.
    Start("/run/systemd/system missing", "mv /run/systemd/system /run/systemd/aside",
          repair="mv /run/systemd/aside /run/systemd/system", forms=("shell",)),
)  # fmt: skip
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


def check_signal(pods: Pods, case: Signal, form: str, *, network: bool = False) -> None:
    """Send the signal of ``case`` to a running pod of ``form``; look at unit, pod and app."""
    pod = _started(pods, form, network=network)
    pods.host.sh(_SEND, str(_target(pod, case.target)), case.signal)
    if case.result == RUNS:
        _check_runs_and_stops(pod, form)
    elif form == "service":
        _check_service_ended(pod, case.result, case.status, case.app)
    else:
        assert pod.wait_end() == case.in_shell
        _check_pod_ended(pod, case.app)


def check_kill(pods: Pods, case: Kill) -> None:
    """Do what ``case`` says to the unit of a running pod."""
    pod = _started(pods, "service")
    for options in (case.options, case.then) if case.then else (case.options,):
        pods.host.run(["systemctl", "kill", *options.split(), pod.unit])
    if case.result == RUNS:
        _check_runs_and_stops(pod, "service")
    else:
        _check_service_ended(pod, case.result, case.status, case.app)


def check_shortage(pods: Pods, case: Shortage) -> None:
    """Let the app of ``case`` want too much; the pod ends with its status, and goes."""
    settings = {"MemoryMax": case.setting, "MemorySwapMax": "0"} if case.setting else {}
    argv = [*pods.argv(SHELL), *case.options, "--", case.work]
    if case.small_disk:
        pods.host.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", _PODS])
    try:
        pod = pods.as_service(argv, script="", wait=True, **settings)
        _check_service_ended(pod, case.result, case.status, str(case.status))
        assert (pod.status().get(f"oom-{_APP}") == "true") in (
            (True, False) if case.oom is None else (case.oom,)
        )
        pods.clean()
    finally:
        if case.small_disk:
            pods.host.run(["umount", "--lazy", _PODS])


def check_start(pods: Pods, case: Start, form: str) -> None:
    """Start a pod of ``form`` after ``case``: it runs, nobody else knows of it, and it ends."""
    argv = pods.argv(SHELL, "exec sleep 1000")
    try:
        pods.host.sh(case.script)
        pod = pods.as_service(argv) if form == "service" else pods.from_shell(argv, scope=False)
        pod.wait_active()
        pod.group = "/" + pods.subcgroup(pod.uuid).strip("/").removesuffix("/payload")
        assert pods.host.sh('ls "$1"', _MACHINES).stdout == ""
        _check_runs_and_stops(pod, form)
    finally:
        pods.host.sh(case.repair)
    said = (
        pods.journal(f"--unit={pod.unit}") if pod.process is None else pod.process.so_far().stderr
    )
    assert case.warning.get(form, "") in said


def check_loss(pods: Pods, case: Loss, form: str) -> None:
    """Do what ``case`` says while a pod runs: it runs on, is listed, and ends in order."""
    pod = _started(pods, form)
    try:
        pods.host.sh(case.script)
        _check_runs_and_stops(pod, form)
    finally:
        pods.host.sh(case.repair)


def _started(pods: Pods, form: str, *, network: bool = False) -> StartedPod:
    argv = pods.argv(SHELL, "exec sleep 1000")
    if network:
        argv.remove("--net=host")
    pod = FORMS[form](pods, argv).wait_active()
    assert bool(pod.status()["networks"]) == network
    return pod


def _check_service_ended(pod: StartedPod, result: str, status: int, app: str) -> None:
    assert pod.wait_end() == status
    state = "inactive" if result == "success" else "failed"
    assert pod.properties("ActiveState", "Result") == {"ActiveState": state, "Result": result}
    _check_pod_ended(pod, app)


def _check_pod_ended(pod: StartedPod, app: str) -> None:
    pod.wait_unregistered()
    assert pod.processes(_APP) == []
    assert pod.pods.states()[pod.uuid].startswith("exited")
    assert pod.status().get(f"app-{_APP}", "") == app


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
