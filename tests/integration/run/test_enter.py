"""``enter``: a command beside an app, in its root, with its environment."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL

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
        "SHELL": "/bin/sh",
        "TERM": "dumb",
        "USER": "root",
    }


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


def test_a_pod_that_does_not_run_cannot_be_entered(rkt: Rktpy) -> None:
    uuid = rkt.prepare(INSPECT)

    done = rkt("enter", uuid, "true")

    assert done.status == 254
    assert f'pod "{uuid}" isn\'t currently running' in done.err
