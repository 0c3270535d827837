"""What an image has done before its app starts and after it ended (appc event handlers)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy

HOOKED = "example.com/hooked"  # its handlers exit with the app's variables $PRE and $POST
APP = "echo app $(id -u) $(id -g) >>/log/order; "
PRE, POST = "pre-start 0 0\n", "post-stop 0 0\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where handlers and app of example.com/hooked write who they are, in ``order``."""
    tmp_path.chmod(0o777)
    return tmp_path


def volume(log: Path) -> str:
    return f"--volume=log,kind=host,source={log}"


def test_handlers_run_as_root_around_the_app_and_their_output_is_the_app_s(
    rkt: Rktpy, log: Path
) -> None:
    with rkt.start("run", volume(log), HOOKED, "--", f"{APP} echo app") as pod:
        uuid = pod.uuid
        done = pod.end()

    assert done.status == 0
    assert (log / "order").read_text() == f"{PRE}app 1000 100\n{POST}"
    # Each has a stream of its own, so which line is shown first is journald's choice.
    assert sorted(done.lines("hooked")) == ["app", "post-stop", "pre-start"]
    assert "post-stop" in rkt.ok("logs", "--app=hooked", uuid)


@pytest.mark.parametrize(
    ("variables", "script", "order", "status"),
    [
        (["PRE=3"], "", PRE + POST, 254),  # the app has not even been started
        (["POST=3"], "", f"{PRE}app 1000 100\n{POST}", 0),  # it ended well before
        (["POST=3"], "exit 5", f"{PRE}app 1000 100\n{POST}", 5),
    ],
)
def test_a_handler_that_fails(
    rkt: Rktpy, log: Path, variables: list[str], script: str, order: str, status: int
) -> None:
    environment = [f"--environment={one}" for one in variables]
    with rkt.start("run", volume(log), HOOKED, *environment, "--", APP + script) as pod:
        uuid = pod.uuid
        done = pod.end()

    assert done.status == status
    assert rkt.status(uuid)["app-hooked"] == str(status)
    assert (log / "order").read_text() == order


def test_an_app_that_may_not_start_ends_the_pod_of_two(rkt: Rktpy, log: Path) -> None:
    hooked = [HOOKED, "--environment=PRE=3", "---"]
    other = [SHELL, "--name=other", "--", "exec sleep 300"]
    with rkt.start("run", volume(log), *hooked, *other) as pod:
        uuid = pod.uuid
        done = pod.end()

    assert done.status == 254
    assert (rkt.status(uuid)["app-hooked"], rkt.status(uuid)["app-other"]) == ("254", "0")


def test_the_handler_after_the_app_runs_when_the_pod_is_stopped(rkt: Rktpy, log: Path) -> None:
    with rkt.start("run", volume(log), HOOKED, "--", "exec sleep 300") as pod:
        rkt.ok("stop", pod.ready())
        done = pod.end()

    assert done.status == 0
    assert (log / "order").read_text() == PRE + POST


def test_an_app_that_is_started_again_has_its_handlers_around_each_time(
    rkt: Rktpy, log: Path
) -> None:
    script = f"{APP} [ -e /tmp/again ] || {{ : >/tmp/again; exit 5; }}"
    again = "--annotation=rktpy/app/restart=on-failure"
    done = rkt.run(volume(log), HOOKED, again, "--", script)

    assert done.status == 0
    assert (log / "order").read_text() == f"{PRE}app 1000 100\n{POST}" * 2
