"""Who is told that a pod is not in the unit it was started from, by the way it was started."""

from __future__ import annotations

import pytest

from rktpy.host.cgroup.hierarchy import UNIFIED
from rktpy.systemd.stray import complaint
from rktpy.systemd.unit import Host, Process, decide

UUID = "6733c088-a507-4694-aabf-32fd8b7c0ba1"
SERVICE = "/system.slice/foo.service"
SESSION = "/user.slice/user-0.slice/session-3.scope"
OF_USER = "/user.slice/user-0.slice/user@0.service/app.slice/foo.service"
NOT_MAIN = "warning: this is not the main process of foo.service: the pod gets a scope of its own"
HOST = Host(booted=True, machined=True, manager=True, mode=UNIFIED, systemd=252)


def told(own: str, exec_pid: int, host: Host = HOST, **environ: str) -> str:
    process = Process(f"0::{own}\n", "0::/init.scope\n", False, exec_pid, 77, False)
    return complaint(decide(UUID, host, process), process, "/", environ)


def test_a_script_is_told_to_exec() -> None:
    text = told(SERVICE, 5)

    assert text.startswith(NOT_MAIN)
    assert text.endswith("In a script, start it by: exec rktpy")


def test_before_systemd_248_the_invocation_tells_as_much() -> None:
    assert told(SERVICE, 0, INVOCATION_ID="ab").startswith(NOT_MAIN)


def test_a_service_that_waits_for_readiness_is_told_what_it_needs() -> None:
    text = told(SERVICE, 5, NOTIFY_SOCKET="/run/systemd/notify")

    assert text.endswith("That the pod is ready is heard with NotifyAccess=all only")


@pytest.mark.parametrize(
    ("own", "where"), [(SESSION, "session-3.scope"), (OF_USER, "user@0.service")]
)
def test_a_session_of_pam_or_a_user_manager_is_no_place(own: str, where: str) -> None:
    text = told(own, 77)

    assert text.startswith(f"warning: what started this pod is in {where}: only services")


@pytest.mark.parametrize(
    ("own", "exec_pid"),
    [
        (SERVICE, 77),  # its main process, or ExecStartPre=
        (SESSION, 0),  # ssh, su, a terminal
        (SESSION, 5),  # the same below a service that kept its environment
        (OF_USER, 5),
        ("/system.slice/cron.service", 0),  # cron cleans the environment
        ("/system.slice/run-r3.scope", 5),  # systemd-run --scope
        ("/init.scope", 0),
    ],
)
def test_all_others_are_left_in_peace(own: str, exec_pid: int) -> None:
    assert told(own, exec_pid) == ""


def test_without_systemd_there_is_no_unit_to_belong_to() -> None:
    bare = HOST.replace(booted=False, machined=False, manager=False)

    assert told(SERVICE, 5, bare) == ""
