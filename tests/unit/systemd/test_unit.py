"""Where a pod belongs, by systemd version, cgroup layout and way of being started."""

from __future__ import annotations

import pytest

from rktpy.errors import RktError
from rktpy.host.cgroup.hierarchy import HYBRID, LEGACY, UNIFIED
from rktpy.systemd.unit import (
    NONE,
    SCOPE,
    SERVICE,
    Host,
    Process,
    UnitPath,
    decide,
    escape,
    read_unit,
    scope_name,
    slice_path,
)

UUID = "6733c088-a507-4694-aabf-32fd8b7c0ba1"
SCOPE_NAME = r"machine-rkt\x2d6733c088\x2da507\x2d4694\x2daabf\x2d32fd8b7c0ba1.scope"

V2 = Host(booted=True, machined=True, manager=True, mode=UNIFIED, systemd=252)
HYBRID_HOST = V2.replace(mode=HYBRID)
V1 = V2.replace(mode=LEGACY, systemd=241)
BARE = Host(booted=False, machined=False, manager=False, mode=UNIFIED)
PID1 = "0::/init.scope\n"


def v2(path: str, **more: object) -> Process:
    return Process(f"0::{path}\n", PID1, pid=77, **more)  # type: ignore[arg-type]


def hybrid(path: str, **more: object) -> Process:
    text = f"12:memory:{path}\n3:cpu,cpuacct:/system.slice\n1:name=systemd:{path}\n0::{path}\n"
    return Process(text, "1:name=systemd:/init.scope\n0::/init.scope\n", pid=77, **more)  # type: ignore[arg-type]


def v1(path: str, **more: object) -> Process:
    # cgroup2 is listed by kernels that know it, mounted or not.
    text = f"3:cpu,cpuacct:/\n1:name=systemd:{path}\n0::/\n"
    return Process(text, "1:name=systemd:/init.scope\n0::/\n", pid=77, **more)  # type: ignore[arg-type]


MAIN = {"exec_pid": 77, "leader": True, "alone": True}
SHELL = {"exec_pid": 0, "leader": False, "alone": False}
SSH = "/user.slice/user-0.slice/session-3.scope"
USER_UNIT = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-u12.service"


@pytest.mark.parametrize(
    ("host", "process", "unit", "slice_", "subcgroup"),
    [
        (V2, v2("/system.slice/foo.service", **MAIN), "foo.service", "system.slice",
         "system.slice/foo.service/payload"),
        (V2, v2("/machine.slice/run-r12.service", **MAIN), "run-r12.service", "machine.slice",
         "machine.slice/run-r12.service/payload"),
        (V2, v2("/a.slice/a-b.slice/foo@bar.service", **MAIN), "foo@bar.service", "a-b.slice",
         "a.slice/a-b.slice/foo@bar.service/payload"),
        (V2, v2("/_cpu.service", **MAIN), "cpu.service", "-.slice", "_cpu.service/payload"),
        (HYBRID_HOST, hybrid("/system.slice/foo.service", **MAIN), "foo.service", "system.slice",
         "system.slice/foo.service/payload"),
        (V1, v1("/system.slice/foo.service", **MAIN), "foo.service", "system.slice",
         "system.slice/foo.service/payload"),
    ],
)  # fmt: skip
def test_the_main_process_of_a_service_stays_in_its_unit(
    host: Host, process: Process, unit: str, slice_: str, subcgroup: str
) -> None:
    placement = decide(UUID, host, process)
    assert (placement.kind, placement.unit, placement.slice) == (SERVICE, unit, slice_)
    assert placement.subcgroup == subcgroup
    assert placement.nspawn_options() == ("--keep-unit", "--register=yes")


@pytest.mark.parametrize(
    ("version", "subcgroup"),
    [
        (253, "system.slice/foo.service/supervisor/payload"),
        (254, "system.slice/foo.service/payload"),
        (258, "system.slice/foo.service/payload"),
    ],
)
def test_a_delegated_supervisor_subgroup_is_shared_from_254_on(
    version: int, subcgroup: str
) -> None:
    process = v2("/system.slice/foo.service/supervisor", **MAIN)
    assert decide(UUID, V2.replace(systemd=version), process).subcgroup == subcgroup


def test_a_service_without_machined_is_not_registered() -> None:
    placement = decide(
        UUID, V2.replace(machined=False), v2("/system.slice/foo.service", exec_pid=77)
    )
    assert placement.nspawn_options() == ("--keep-unit", "--register=no")


@pytest.mark.parametrize(
    "process",
    [
        v2(SSH, **SHELL),
        v2(SSH, exec_pid=0, leader=True, alone=True),
        v2(USER_UNIT, **MAIN),
        v2("/user.slice/user-1000.slice/user@1000.service/init.scope", **MAIN),
        # a cron job: session leader, but below cron's main process
        v2("/system.slice/cron.service", exec_pid=5, leader=True, alone=False),
        # ExecStart=/bin/sh -c "rktpy run …; true"
        v2("/system.slice/foo.service", exec_pid=5, leader=False, alone=False),
        v2("/system.slice/ssh.service", exec_pid=0, leader=False, alone=False),
        # systemd-run --scope bash
        v2("/system.slice/run-r3.scope", exec_pid=0, leader=True, alone=False),
        v2("/init.scope", exec_pid=0, leader=False, alone=False),
        v2("/", **SHELL),
        hybrid(SSH, **SHELL),
    ],
)
def test_anybody_else_below_systemd_gets_a_scope_of_machined(process: Process) -> None:
    host = HYBRID_HOST if "memory" in process.cgroups else V2
    placement = decide(UUID, host, process)
    assert (placement.kind, placement.unit) == (SCOPE, SCOPE_NAME)
    assert placement.subcgroup == f"machine.slice/{SCOPE_NAME}/payload"
    assert placement.nspawn_options() == ("--register=yes",)


def test_on_v1_too_nspawn_puts_the_pod_one_below_its_scope() -> None:
    placement = decide(UUID, V1, v1(SSH, **SHELL))
    assert placement.subcgroup == f"machine.slice/{SCOPE_NAME}/payload"


def test_alone_in_a_scope_the_scope_is_kept() -> None:
    process = v2("/system.slice/run-r3.scope", exec_pid=0, leader=False, alone=True)
    placement = decide(UUID, V2, process)
    assert (placement.kind, placement.unit) == (SERVICE, "run-r3.scope")


def test_only_a_service_can_be_started_again() -> None:
    service = decide(UUID, V2, v2("/system.slice/foo.service", **MAIN))
    alone = v2("/system.slice/run-r3.scope", exec_pid=0, leader=False, alone=True)
    nobody = V2.replace(booted=False, machined=False, manager=False)

    assert service.restarts
    assert not decide(UUID, V2, alone).restarts
    assert not decide(UUID, V2, v2(SSH, **SHELL)).restarts
    assert not decide(UUID, nobody, v2("/some/where")).restarts


def test_without_machined_the_manager_makes_a_scope_that_is_named_otherwise() -> None:
    placement = decide(UUID, V2.replace(machined=False), v2(SSH, **SHELL))
    assert placement.subcgroup == f"machine.slice/rkt-{UUID}.scope/payload"
    assert placement.nspawn_options() == ("--register=no",)


@pytest.mark.parametrize(
    ("host", "process", "subcgroup"),
    [
        (BARE, v2("/", **SHELL), f"/{SCOPE_NAME}/payload"),
        (BARE, v2("/docker/0123", **SHELL), f"/docker/0123/{SCOPE_NAME}/payload"),
        (BARE, v2("/system.slice/foo.service", **MAIN),
         f"/system.slice/foo.service/{SCOPE_NAME}/payload"),
        (BARE.replace(mode=HYBRID), hybrid("/", **SHELL), f"/{SCOPE_NAME}/payload"),
        (BARE.replace(mode=LEGACY), v1("/lxc/x", **SHELL), f"/lxc/x/{SCOPE_NAME}/payload"),
        # systemd runs, but nobody can be asked to make a scope
        (V2.replace(machined=False, manager=False), v2(SSH, **SHELL),
         f"{SSH}/{SCOPE_NAME}/payload"),
    ],
)  # fmt: skip
def test_without_systemd_the_pod_goes_below_the_caller(
    host: Host, process: Process, subcgroup: str
) -> None:
    placement = decide(UUID, host, process)
    assert (placement.kind, placement.subcgroup) == (NONE, subcgroup)
    assert placement.nspawn_options() == ("--keep-unit", "--register=no")


@pytest.mark.parametrize(
    ("process", "asked"),
    [
        # before systemd 248, or "env -i": a session leader that is not alone may be either
        (v2("/system.slice/foo.service", exec_pid=0, leader=True, alone=False), True),
        (v2("/system.slice/foo.service", exec_pid=0, leader=True, alone=None), True),
        (v2("/system.slice/foo.service", exec_pid=5, leader=True, alone=None), True),
        (v2("/system.slice/foo.service", exec_pid=0, leader=False, alone=None), True),
        (v2("/system.slice/foo.service", exec_pid=0, leader=False, alone=False), False),
        (v2("/system.slice/foo.service", exec_pid=5, leader=True, alone=False), False),
        (v2("/system.slice/foo.service", **MAIN), False),
        (v2("/system.slice/run-r3.scope", leader=True, alone=False), False),
        (v2(SSH, leader=True, alone=False), False),
    ],
)
def test_the_manager_is_asked_only_in_doubt(process: Process, asked: bool) -> None:  # noqa: FBT001
    questions: list[UnitPath] = []

    def ask(unit: UnitPath) -> bool:
        questions.append(unit)
        return True

    placement = decide(UUID, V2, process, ask)
    assert bool(questions) is asked
    if asked:
        assert (placement.kind, questions[0].unit) == (SERVICE, "foo.service")


def test_the_manager_is_not_asked_where_there_is_none() -> None:
    def ask(_unit: UnitPath) -> bool:
        raise AssertionError

    process = v2("/system.slice/foo.service", leader=True, alone=False)
    assert decide(UUID, BARE, process, ask).kind == NONE


def test_in_a_container_paths_are_read_from_its_managers_place() -> None:
    root = "/machine.slice/machine-x.scope/payload"
    inside = Process(f"0::{root}/system.slice/foo.service", f"0::{root}/init.scope", pid=77, **MAIN)  # type: ignore[arg-type]
    placement = decide(UUID, V2, inside)
    assert placement.unit == "foo.service"
    assert placement.subcgroup == f"{root[1:]}/system.slice/foo.service/payload"
    shell = Process(f"0::{root}{SSH}", f"0::{root}/init.scope", pid=77)
    assert decide(UUID, V2, shell).subcgroup == f"{root[1:]}/machine.slice/{SCOPE_NAME}/payload"


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/", UnitPath("", "-.slice")),
        ("/init.scope", UnitPath("init.scope", "-.slice")),
        ("/system.slice", UnitPath("", "system.slice")),
        ("/system.slice/docker.service/x", UnitPath("docker.service", "system.slice")),
        ("/system.slice/foo.service/.control", UnitPath("foo.service", "system.slice")),
        ("/docker/0123", UnitPath("", "-.slice")),
        ("/kubepods.slice/kubepods-pod1.slice/cri-1.scope",
         UnitPath("cri-1.scope", "kubepods-pod1.slice")),
        (SSH, UnitPath("session-3.scope", "user-0.slice", user=True)),
        (USER_UNIT, UnitPath("user@1000.service", "user-1000.slice", user=True)),
    ],
)  # fmt: skip
def test_a_cgroup_path_is_read_as_systemd_reads_it(path: str, unit: UnitPath) -> None:
    assert read_unit(path) == unit


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("system.slice", "system.slice"),
        ("a-b-c.slice", "a.slice/a-b.slice/a-b-c.slice"),
        ("-.slice", ""),
    ],
)
def test_slices_nest_by_their_dashes(name: str, path: str) -> None:
    assert slice_path(name) == path


@pytest.mark.parametrize(
    "name",
    ["", "foo", "foo.service", "-a.slice", "a-.slice", "a--b.slice", "a@b.slice", "a/b.slice"],
)
def test_a_name_that_is_no_slice_is_refused(name: str) -> None:
    with pytest.raises(RktError, match="is not a valid slice name"):
        slice_path(name)


def test_unit_names_are_escaped_as_systemd_escape_does() -> None:
    assert scope_name(UUID) == SCOPE_NAME
    assert escape(".a/b-c d\\ü:_.") == r"\x2ea-b\x2dc\x20d\x5c\xc3\xbc:_."
