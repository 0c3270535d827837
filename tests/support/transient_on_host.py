"""Pods that ``systemd-run`` starts, and what the host's tools show of them and do to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.pods_on_host import POD_SERVICE, RKTPY, SHELL
from tests.support.readiness_on_host import AT_GATE, TELL, open_gate

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods, StartedPod

_STAY = "trap 'echo orderly; exit 0' TERM; echo up; sleep 1000 & wait"
_RUN = ("systemd-run", "--quiet", "--slice=machine",
        *(f"--property={key}={value}" for key, value in POD_SERVICE.items()))  # fmt: skip


def check_the_host_s_tools_show_a_pod(pods: Pods) -> None:
    """Ask ``systemctl``, ``machinectl``, ``journalctl`` and ``systemd-cgls`` about one pod."""
    pod = pods.as_transient(
        pods.argv(SHELL, _STAY), MemoryAccounting="yes", CPUAccounting="yes"
    ).wait_active()
    status = pods.host.run(["systemctl", "status", "--full", "--no-pager", pod.unit]).stdout
    machine = pods.host.run(["machinectl", "status", "--no-pager", pod.machine]).stdout
    row = pods.host.run(["machinectl", "list", "--no-legend", "--no-pager"]).stdout.split()
    trees = [
        pods.host.run(["systemd-cgls", "--no-pager", "--full", "--xattr=no", *which]).stdout
        for which in (["--machine", pod.machine], ["--unit", pod.unit])
    ]
    main = pod.properties("MainPID")["MainPID"]

    assert f"Main PID: {main} (systemd-nspawn)" in status
    assert f"CGroup: /machine.slice/{pod.unit}" in status
    assert "Memory: " in status
    assert ("CPU: " in status) == _counts_processor_time(pod)
    assert row[:3] == [pod.machine, "container", "rkt"]
    assert f"Leader: {pod.leader()} (systemd)" in machine
    assert f"Unit: {pod.unit}" in machine
    for text in (status, machine, *trees):
        _check_tree(text)
    _check_journal(pod)
    _check_refusals(pod)


def _counts_processor_time(pod: StartedPod) -> bool:
    """Return whether the host's kernel counts for systemd: not where cpuacct is of no use to it."""
    return pod.properties("CPUUsageNSec")["CPUUsageNSec"] != "[not set]"


def _check_tree(text: str) -> None:
    """Look for the app's own service, with the app, between the pod's slice and its journald."""
    bare = (re.sub(r" \(#\d+\)$", "", line) for line in text.splitlines())
    lines = [line.strip(" \t│├─└0123456789") for line in bare]
    inside = lines[lines.index("payload") :]

    assert inside[1] == "init.scope"
    assert inside[2].startswith("/usr/lib/systemd/systemd ")
    assert "system.slice" in inside
    assert inside[inside.index("shell.service") + 1].startswith("/bin/sh -c ")
    assert "supervisor" in lines


def _check_journal(pod: StartedPod) -> None:
    """The app's identifier and its unit both lead to what it says."""
    for which in ("--identifier=shell", "--unit=shell"):
        script = 'journalctl -q -M "$1" -o cat "$2" | grep -x up'
        pod.pods.host.wait_until(script, pod.machine, which)


def _check_refusals(pod: StartedPod) -> None:
    """What needs a bus in the pod says so."""
    for argv, said in (
        (["machinectl", "shell", pod.machine], "There is no system bus in container"),
        (["machinectl", "login", pod.machine], "There is no system bus in container"),
        (["systemctl", f"--machine={pod.machine}", "status"], "Failed to connect to bus"),
    ):
        assert said in pod.pods.host.run(argv, status=1).stderr


def check_machinectl_ends_a_pod(pods: Pods, verb: str, status: int) -> None:
    """Use a ``verb`` of machinectl on a service; it ends with ``status``."""
    pod = pods.as_transient(pods.argv(SHELL, _STAY)).wait_active()
    pods.host.run(["machinectl", verb, pod.machine])
    ended = pod.wait_end()
    pod.wait_unregistered()

    assert ended == status
    assert pods.rktpy("logs", pod.uuid).splitlines() == ["up", "orderly"]
    assert pod.status()["app-shell"] == "0"
    assert pods.states() == {pod.uuid: "exited"}
    assert pod.processes("shell") == []


def check_systemd_run_waits_for_readiness(pods: Pods) -> None:
    """With ``--service-type=notify`` it comes back when the app has said that it serves."""
    name, unit = "/srv/uuid-ready", "pod-ready.service"
    command = pods.argv(TELL, "wait=/gate/open", "say=READY=1", "serve",
                        options=[f"--uuid-file-save={name}", *AT_GATE])  # fmt: skip
    argv = [*_RUN, "--service-type=notify", f"--unit={unit}", "--collect", *command]
    process = pods.host.start(argv)
    pods.host.wait_until('rktpy logs "$(cat "$1")" | grep "waiting for /gate/open"', name)
    before = pods.properties(unit, "ActiveState")
    open_gate(pods)
    result = process.wait(timeout=60 * pods.host.slowness)
    after = pods.properties(unit, "ActiveState")
    pods.host.run(["systemctl", "stop", unit])

    assert before == {"ActiveState": "activating"}
    assert (result.status, result.stderr) == (0, "")
    assert after == {"ActiveState": "active"}
    assert pods.properties(unit, "LoadState") == {"LoadState": "not-found"}


def check_systemd_run_pipes_through_an_app(pods: Pods) -> None:
    """``--wait --pipe --collect``: bytes and status pass, and the failed unit is forgotten."""
    unit = "pod-pipe.service"
    app = "cat; echo on the other side >&2; exit 5"
    argv = [*_RUN, "--wait", "--pipe", "--collect", f"--unit={unit}",
            *pods.argv(SHELL, app, options=["--interactive"])]  # fmt: skip
    done = pods.host.run(argv, stdin=b"one\n\n two \n", status=5)

    assert (done.stdout, done.stderr) == ("one\n\n two \n", "on the other side\n")
    assert pods.properties(unit, "LoadState") == {"LoadState": "not-found"}


def check_systemd_run_gives_a_terminal(pods: Pods) -> None:
    """``--pty``: the app reads and writes the terminal of whoever started it."""
    app = "echo your name?; read -r name; echo hello $name; exit 6"
    argv = [*_RUN, "--pty", "--wait", "--collect",
            *(word.replace("$", "$$")
              for word in pods.argv(SHELL, app, options=["--interactive"]))]  # fmt: skip
    process = pods.host.start(argv, tty=True)
    process.wait_for_output("your name?", timeout=30 * pods.host.slowness)
    process.write(b"pod\r")
    done = process.wait(timeout=60 * pods.host.slowness)

    assert done.status == 6
    assert "hello pod\r\n" in done.stdout


def check_a_scope_ends_in_order(pods: Pods) -> None:
    """``--scope`` keeps the pod in the foreground; ``rktpy stop`` is what ends it in order."""
    name, unit = "/srv/uuid-in-scope", "pod-in-a-scope.scope"
    command = pods.argv(SHELL, _STAY, options=[f"--uuid-file-save={name}"])
    argv = ["systemd-run", "--scope", "--quiet", "--slice=machine", f"--unit={unit}", *command]
    process = pods.host.start(argv)
    pods.host.wait_until('test -s "$1"', name)
    uuid = pods.host.read(name)
    pods.rktpy("status", "--wait-ready=30s", uuid)
    group = pods.properties(unit, "ControlGroup")["ControlGroup"]
    inside = pods.processes(f"{group}/payload/system.slice/shell.service")
    pods.host.run([RKTPY, "stop", uuid])
    done = process.wait(timeout=60 * pods.host.slowness)

    assert group == f"/machine.slice/{unit}"
    assert inside
    assert done.status == 0
    assert pods.rktpy("logs", uuid).splitlines() == ["up", "orderly"]
