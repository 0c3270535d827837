"""``enter``: a command beside an app, in its root, with its environment."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL
from tests.integration.run.rk import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.run.rk import Rktpy, Running

TWO = (
    SHELL, "--name=early", "--", "touch /was-here", "---",
    SHELL, "--name=late", "--user=1000", "--", "sleep 300", "---",
)  # fmt: skip


@pytest.fixture
def pod(rkt: Rktpy) -> Iterator[Running]:
    """One app that sleeps."""
    options = ("--set-env=GREETING=good day = ok", "--hostname=inside")
    with rkt.start("run", *options, SHELL, "--environment=LATE=1", "--", "sleep 300") as pod:
        pod.ready()
        yield pod


def test_a_command_has_the_environment_of_the_app_and_the_terminal_of_the_caller(
    rkt: Rktpy, pod: Running
) -> None:
    caller = {"TERM": "dumb", "OTHER": "x"}

    out = rkt.ok("enter", pod.uuid, "/bin/env", env=caller)

    env = dict(line.split("=", 1) for line in out.splitlines())
    assert env == {
        "AC_APP_NAME": "shell",
        "GREETING": "good day = ok",
        "HOME": "/root",
        "LATE": "1",
        "LOGNAME": "root",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "container": "rkt",
        "SHELL": "/bin/sh",
        "TERM": "dumb",
        "USER": "root",
    }


# rkt's env_test, the side of ``enter``: options and caller of the pod, caller of ``enter``.
@pytest.mark.parametrize(
    ("options", "caller", "check", "line"),
    [
        ((), {}, "--print-env=VAR_FROM_MANIFEST", "VAR_FROM_MANIFEST=manifest"),
        (("--set-env=VAR_OTHER=setenv",), {}, "--print-env=VAR_OTHER", "VAR_OTHER=setenv"),
        (
            ("--set-env=VAR_FROM_MANIFEST=setenv",),
            {"VAR_FROM_MANIFEST": "enter"},
            "--print-env=VAR_FROM_MANIFEST",
            "VAR_FROM_MANIFEST=setenv",
        ),
        (("--set-env=TERM=dumb",), {"TERM": "host"}, "--print-env=TERM", "TERM=host"),
        (("--set-env=VAR_2=2",), {}, "--check-path", "PATH is good"),
    ],
)
def test_rkts_variables_are_those_of_the_app(
    rkt: Rktpy, options: tuple[str, ...], caller: dict[str, str], check: str, line: str
) -> None:
    with rkt.start("run", *options, INSPECT, "--", "--pre-sleep=300") as pod:
        uuid = pod.ready()
        out = rkt.ok("enter", uuid, "/inspect", check, env=caller)

    assert line in out


@pytest.mark.parametrize("options", [(), ("--private-users",)])
def test_a_command_can_be_whom_the_app_is(rkt: Rktpy, options: tuple[str, ...]) -> None:
    who = ("--user=1000", "--group=100", "--supplementary-gids=7,8", "--caps-retain=CAP_KILL")
    wanted = "case $k in CapBnd: | NoNewPrivs:) echo $v;; esac"
    bounds = f"while read k v; do {wanted}; done </proc/self/status; true"
    with rkt.start("run", *options, SHELL, *who, "--", f"{bounds}; exec sleep 300") as pod:
        uuid = pod.ready()
        ids = rkt.ok("enter", "--as-app", uuid, "/bin/sh", "-c", f"id; {bounds}").splitlines()
        root = rkt.ok("enter", uuid, "id", "-u")

    assert ids[0].startswith("uid=1000(user1) gid=100(group1) groups=7,8")
    assert ids[1:] == [f"{1 << 5:016x}", "1"]
    assert root == "0\n"


def test_an_ended_app_is_nobody(rkt: Rktpy) -> None:
    with rkt.start("run", *TWO) as pod:
        done = rkt("enter", "--app=early", "--as-app", pod.ready(), "true")

    assert done.status == 254
    assert "app 'early' has ended" in done.err


def test_a_command_is_found_on_the_path_of_the_app_and_runs_as_root_in_its_root(
    rkt: Rktpy, pod: Running
) -> None:
    script = "id -u; readlink -f .; hostname; ls /; readlink /proc/1/exe; echo $$"

    out = rkt.ok("enter", pod.uuid, "sh", "-c", script).splitlines()

    assert out[:3] == ["0", "/", "inside"]
    assert "broken" in out
    assert out[-2] == "/usr/lib/systemd/systemd"


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 42", 42), ("kill -15 $$", -signal.SIGTERM), ("kill -9 $$", -9)],
)
def test_enter_ends_as_the_command_ends(rkt: Rktpy, pod: Running, script: str, status: int) -> None:
    assert rkt("enter", pod.uuid, "/bin/sh", "-c", script).status == status


def test_a_signal_at_the_moment_in_which_the_command_ends_changes_nothing(
    rkt: Rktpy, pod: Running
) -> None:
    """One is sent whenever ``enter`` is about to reap the command."""
    tracer = [
        "strace", "-qq", "--output=/dev/null", "--trace=wait4", "--inject=wait4:signal=SIGTERM",
    ]  # fmt: skip
    argv = rkt.argv("enter", pod.uuid, "/bin/sh", "-c", "trap '' TERM; sleep 0.1; exit 7")
    done = subprocess.run(
        [*tracer, *argv], capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_a_missing_command_is_said(rkt: Rktpy, pod: Running) -> None:
    done = rkt("enter", pod.uuid, "/no/such")

    assert (done.status, done.out) == (254, "")
    assert "/no/such" in done.err
    assert done.err.count("\n") == 1


def test_an_unknown_app_is_refused(rkt: Rktpy, pod: Running) -> None:
    done = rkt("enter", "--app=none", pod.uuid, "true")

    assert done.status == 254
    assert f'app "none" is not present in pod "{pod.uuid}"' in done.err


def test_one_of_several_apps_must_be_named(rkt: Rktpy) -> None:
    with rkt.start("run", *TWO) as pod:
        uuid = pod.ready()
        done = rkt("enter", uuid, "true")
        late = rkt.ok("enter", "--app=late", uuid, "/bin/sh", "-c", "id -u; echo $AC_APP_NAME")

    assert done.status == 254
    assert "\tearly\n\tlate\n" in done.err
    assert 'specify app using "rkt enter --app= ..."' in done.err
    assert late == "0\nlate\n"


def test_an_app_that_has_ended_can_be_entered_while_the_pod_goes_on(rkt: Rktpy) -> None:
    with rkt.start("run", *TWO) as pod:
        uuid = pod.ready()
        script = "ls /was-here; echo >/dev/null && ls /proc/1/stat; echo $AC_APP_NAME"
        out = rkt.ok("enter", "--app=early", uuid, "/bin/sh", "-c", script)
        again = rkt.ok("enter", "--app=early", uuid, "ls", "/proc")  # nothing of the first remains

    assert out == "/was-here\n/proc/1/stat\nearly\n"
    assert "self" in again


def cgroups(pid: str) -> list[str]:
    """The control groups of a process as the host sees them."""
    return sorted(Path(f"/proc/{pid}/cgroup").read_text().splitlines())


def process_of(script: str) -> str:
    """Return the process that executes ``script`` in a shell, wherever it is."""

    def look() -> str:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if path.read_bytes().split(b"\0")[2:3] == [script.encode()]:
                    return path.parent.name
        return ""

    return until(look, "process")


def test_a_command_runs_in_the_control_groups_of_the_app(rkt: Rktpy) -> None:
    mine, theirs = "echo in; read line", "sleep 300; true"
    with rkt.start("run", SHELL, "--", theirs) as pod:
        uuid = pod.ready()
        argv = rkt.argv("enter", uuid, "/bin/sh", "-c", mine)
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as command:
            assert command.stdout is not None
            command.stdout.readline()
            inside, app = cgroups(process_of(mine)), cgroups(process_of(theirs))
            outside = cgroups(str(command.pid))
            command.communicate(b"\n")

    assert inside == app != outside
    assert any(line.endswith("/shell.service") for line in inside)
    assert not any("shell.service" in line for line in outside)


def test_the_limit_of_the_app_holds_a_command(rkt: Rktpy) -> None:
    eat = "x=12345678; while :; do x=$x$x; done"
    with rkt.start("run", SHELL, "--memory=24M", "--", "sleep 300") as pod:
        done = rkt("enter", pod.ready(), "/bin/sh", "-c", eat)
        state = rkt.status(pod.uuid)["state"]

    assert (done.status, state) == (-signal.SIGKILL, "running")


def test_a_command_in_an_ended_app_counts_as_the_pod(rkt: Rktpy) -> None:
    with rkt.start("run", *TWO) as pod:
        uuid = pod.ready()
        out = rkt.ok("enter", "--app=early", uuid, "/bin/sh", "-c", "cat /proc/self/cgroup")

    assert "/init.scope\n" in out
    assert "rktpy-test" not in out


def test_a_command_that_ignores_the_end_of_the_app_is_hung_up(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        script = "trap '' TERM; echo in; while true; do sleep 1; done"
        argv = rkt.argv("enter", uuid, "/bin/sh", "-c", script)
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as command:
            assert command.stdout is not None
            command.stdout.readline()
            rkt.ok("stop", uuid)
            status = pod.end().status
            command.communicate(timeout=PATIENCE)

    assert (status, command.returncode) == (0, -signal.SIGHUP)


def test_a_pod_that_does_not_run_cannot_be_entered(rkt: Rktpy) -> None:
    uuid = rkt.prepare(INSPECT)

    done = rkt("enter", uuid, "true")

    assert done.status == 254
    assert f'pod "{uuid}" isn\'t currently running' in done.err
