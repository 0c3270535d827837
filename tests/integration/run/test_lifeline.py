"""systemd-nspawn is killed: the pod ends with it, whoever started it and whatever runs in it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host.procfs import status
from rktpy.nspawn import lifeline
from tests.integration.run.images import SHELL
from tests.integration.run.rk import until
from tests.support.leaks import descendants

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy, Running

STAY = ("--", "trap '' TERM HUP INT; echo up; while :; do sleep 1; done")


def end_of(inside: set[int]) -> None:
    """Wait until none of the processes is left; those of a dead nspawn have become ours."""
    until(lambda: not inside & descendants(os.getpid()), "end of the pod")


def pending(pid: int) -> bool:
    """Return whether signals wait for the process."""
    return int(status(pid)["ShdPnd"], 16) != 0


def takes(pid: int, number: int) -> bool:
    """Return whether the process waits for the signal, as systemd does: blocked and read."""
    return bool(int(status(pid)["SigBlk"], 16) >> (number - 1) & 1)


def stop_early(pod: Running) -> int:
    """Stop the pod's PID 1 before its systemd takes signals, and return it."""
    programs = {"setpriv", "systemd"}  # what nspawn's own process becomes, after env
    first = 0
    while not first:
        assert pod.process.poll() is None, pod.end()
        with contextlib.suppress(OSError, ValueError):
            found = pod.init
            first = found if os.path.basename(os.readlink(f"/proc/{found}/exe")) in programs else 0
    os.kill(first, signal.SIGSTOP)
    pod.until(lambda: status(first)["State"].startswith("T"), "stop")
    assert not takes(first, signal.SIGTERM), "its systemd was up already"
    return first


@pytest.mark.parametrize("name", ["KILL", "HUP", "QUIT"])
@pytest.mark.parametrize("options", [(), ("--private-users",)], ids=["root", "user namespace"])
def test_a_killed_nspawn_takes_its_pod_along(
    rkt: Rktpy, name: str, options: tuple[str, ...]
) -> None:
    number = signal.Signals[f"SIG{name}"]
    with rkt.start("run", *options, SHELL, *STAY) as pod:
        pod.ready()
        pod.says("up")
        inside = descendants(pod.process.pid)
        pod.process.send_signal(number)
        done = pod.end()

    assert done.status == -number
    assert len(inside) >= 4  # systemd, journald, the app and its sleep
    end_of(inside)


def test_a_systemd_that_has_executed_itself_anew_is_still_tied(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, *STAY) as pod:
        pod.ready()
        first = pod.init
        os.kill(first, signal.SIGTERM)
        pod.until(
            lambda: b"--deserialize" in Path(f"/proc/{first}/cmdline").read_bytes(), "new systemd"
        )
        inside = descendants(pod.process.pid)
        pod.process.kill()
        pod.end()

    end_of(inside)


def test_a_command_that_was_entered_ends_with_the_pod(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, *STAY) as pod:
        argv = rkt.argv("enter", pod.ready(), "/bin/sh", "-c", "echo in; trap '' HUP; sleep 300")
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as enter:
            assert enter.stdout is not None
            assert enter.stdout.readline().rstrip() == b"in"
            pod.process.kill()
            pod.end()
            ended = enter.wait()

    assert ended != 0


def test_a_stage1_without_the_program_runs_as_before_and_gc_ends_what_is_left(rkt: Rktpy) -> None:
    """As in a pod that was prepared before there was one, or on a host that has none."""
    program = lifeline.find_programs()["setpriv"]
    subprocess.run(["mount", "--bind", "/dev/null", program], check=True)
    try:
        uuid = rkt.prepare(SHELL, *STAY)
    finally:
        subprocess.run(["umount", program], check=True)
    with rkt.start("run-prepared", "--net=none", uuid) as pod:
        pod.ready()
        inside = descendants(pod.process.pid)
        pod.process.kill()
        pod.end()
        alive = inside & descendants(os.getpid())
        rkt.ok("gc", "--mark-only")

    assert alive
    end_of(inside)


@pytest.mark.parametrize("name", ["env", "setpriv"])
def test_a_program_without_the_option_is_not_used(tmp_path: Path, name: str) -> None:
    """That of busybox, which some hosts have in its place."""
    program = tmp_path / name
    program.symlink_to("/bin/busybox")
    found = lifeline.find_programs()[name]

    assert (lifeline.works(name, found), lifeline.works(name, str(program))) == (True, False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_pod_that_shall_end_before_its_systemd_is_up_ends_in_order(
    rkt: Rktpy, number: int
) -> None:
    """The kernel drops signals to a first process that takes none, unless they are blocked."""
    with rkt.start("run", SHELL, "--", "echo up; exec sleep 300") as pod:
        first = stop_early(pod)
        pod.process.send_signal(number)
        pod.until(lambda: pending(first), "nspawn's request")
        os.kill(first, signal.SIGCONT)
        done = pod.end()

    assert done.status == 0


def test_apps_find_no_signal_blocked(rkt: Rktpy) -> None:
    done = rkt.run(SHELL, "--", "busybox grep SigBlk /proc/self/status")

    assert done.lines("shell") == [f"SigBlk:\t{0:016x}"]


@pytest.mark.parametrize(
    "numbers",
    [[signal.SIGINT], [signal.SIGRTMIN + 5], [signal.SIGINT] * 9],
    ids=["ctrl-alt-del", "reboot", "ctrl-alt-del in bursts"],
)
def test_a_pod_of_a_shell_that_shall_reboot_ends_in_order(rkt: Rktpy, numbers: list[int]) -> None:
    # Slow enough for all the signals, whose burst would count for two seconds.
    last = "trap '' TERM; sleep 1; echo bye; exit 0"
    script = f'trap "{last}" TERM; echo up; while :; do sleep 0.1; done'
    with rkt.start("run", SHELL, "--", script) as pod:
        uuid = pod.ready()
        pod.says("up")
        first = pod.init
        for number in numbers:
            os.kill(first, number)
            pod.until(lambda: not pending(first), "receipt of the signal")
        done = pod.end()

    assert done.status == 0
    assert done.lines("shell")[-1] == "bye"
    assert rkt.status(uuid)["app-shell"] == "0"


def test_a_pod_of_a_shell_that_shall_reboot_at_once_ends_at_once(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", "exec sleep 300") as pod:
        pod.ready()
        os.kill(pod.init, signal.SIGRTMIN + 15)
        done = pod.end()

    assert done.status == 0
