"""Pod plan → nspawn's argv and environment."""

from __future__ import annotations

import pytest

from rktpy.flavour.plan import AppPlan, BindPlan, Limits
from rktpy.nspawn import lifeline
from rktpy.nspawn.command import HostTraits, nspawn_argv, nspawn_environment
from rktpy.nspawn.limits.controllers import Handed
from tests.unit.nspawn.plans import UUID, app, pod

HOST = HostTraits(
    nspawn="/usr/bin/systemd-nspawn",
    booted=True,
    register=True,
    keep_unit=False,
    systemd=252,
)


def test_the_machine_is_named_after_the_pod() -> None:
    argv = nspawn_argv(pod(), HOST, "stage1/rootfs")

    assert argv[0] == "/usr/bin/systemd-nspawn"
    assert {f"--uuid={UUID}", f"--machine=rkt-{UUID}", "--directory=stage1/rootfs"} <= set(argv)


def test_a_service_keeps_its_unit() -> None:
    argv = nspawn_argv(pod(), HOST.replace(keep_unit=True), "r")

    assert "--keep-unit" in argv
    assert "--register=yes" in argv


def test_without_systemd_nothing_is_registered_or_linked() -> None:
    argv = nspawn_argv(pod(), HOST.replace(booted=False, register=False, keep_unit=True), "r")

    assert {"--register=no", "--keep-unit", "--link-journal=no"} <= set(argv)


@pytest.mark.parametrize("programs", [("env", "setpriv"), ("setpriv",), ("env",)])
def test_systemd_is_executed_by_other_programs_as_nspawn_would(programs: tuple[str, ...]) -> None:
    plain, by_way = (
        nspawn_argv(pod(), HOST.replace(before_systemd=p), "r") for p in ((), programs)
    )
    at, command = by_way.index("--"), lifeline.init(programs)

    assert "--boot" in plain
    assert [word for word in command if word.startswith("/")] == [
        *(f"/usr/bin/{name}" for name in programs), "/usr/lib/systemd/systemd",
    ]  # fmt: skip
    assert by_way[at + 1 : at + 1 + len(command)] == list(command)
    assert [word for word in by_way if word not in command] == [
        "--kill-signal=SIGRTMIN+3" if word == "--boot" else word for word in plain
    ]


def test_the_pods_own_manager_is_quiet_unless_debugging() -> None:
    quiet = nspawn_argv(pod(), HOST, "r")
    loud = nspawn_argv(pod(debug=True), HOST, "r")

    assert quiet[quiet.index("--") :] == [
        "--", "systemd.default_standard_output=tty", "systemd.log_target=null",
        "systemd.show_status=0",
    ]  # fmt: skip
    assert "--quiet" not in loud
    assert "systemd.log_target=null" not in loud


@pytest.mark.parametrize(
    ("handed", "console"),
    [((), "interactive"), ((1, 2), "interactive"), ((0,), "read-only"), ((0, 1, 2), "read-only")],
)
def test_an_interactive_pod_reads_its_console_if_that_is_its_input(
    handed: tuple[int, ...], console: str
) -> None:
    argv = nspawn_argv(pod(interactive=True, handed_streams=handed), HOST, "r")

    assert [word for word in argv if word.startswith("--console=")] == [f"--console={console}"]


def test_the_console_of_other_pods_is_left_to_nspawn() -> None:
    assert not any(word.startswith("--console=") for word in nspawn_argv(pod(), HOST, "r"))


def test_volumes_are_bound_into_the_apps_root() -> None:
    binds = (BindPlan("/a:b", "/data"), BindPlan("/c", "/etc", read_only=True, recursive=False))
    argv = nspawn_argv(pod(app(binds=binds)), HOST, "r")

    assert r"--bind=/a\:b:/opt/stage2/web/rootfs/data:rbind" in argv
    assert "--bind-ro=/c:/opt/stage2/web/rootfs/etc:norbind" in argv


def test_capabilities_of_all_apps_are_added() -> None:
    apps = (app("a", capabilities=("CAP_NET_ADMIN",)), app("b", capabilities=()))

    assert "--capability=CAP_NET_ADMIN" in nspawn_argv(pod(*apps), HOST, "r")
    assert "--capability=all" in nspawn_argv(pod(app(capabilities=None)), HOST, "r")


def test_only_a_pod_that_is_started_again_or_wants_to_may_reboot() -> None:
    def dropped(*apps: AppPlan, **changes: object) -> bool:
        return "--drop-capability=CAP_SYS_BOOT" in nspawn_argv(pod(*apps, **changes), HOST, "r")

    plain = app("a", capabilities=("CAP_KILL",))

    assert dropped(plain)
    assert not dropped(plain, reboots=True)
    assert not dropped(plain, app("b", capabilities=("CAP_SYS_BOOT",)))
    assert not dropped(plain, app("b", capabilities=None))


def test_the_callers_environment_cannot_change_nspawn() -> None:
    env = nspawn_environment(
        pod(), HOST, {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes", "NOTIFY_SOCKET": "/run/n", "A": "b"}
    )

    assert "SYSTEMD_NSPAWN_API_VFS_WRITABLE" not in env
    assert env["NOTIFY_SOCKET"] == "/run/n"
    assert env["SYSTEMD_NSPAWN_CONTAINER_SERVICE"] == "rkt"


def test_sharing_the_hosts_ipc_is_asked_of_nspawn() -> None:
    assert "SYSTEMD_NSPAWN_SHARE_NS_IPC" not in nspawn_environment(pod(), HOST, {})
    sharing = nspawn_environment(pod(ipc_parent=True), HOST, {})
    assert sharing["SYSTEMD_NSPAWN_SHARE_NS_IPC"] == "1"


def test_nspawn_leaves_its_filter_out_only_below_ours() -> None:
    assert "SYSTEMD_SECCOMP" not in nspawn_environment(pod(), HOST, {})
    assert nspawn_environment(pod(), HOST.replace(filtered=True), {})["SYSTEMD_SECCOMP"] == "0"


def test_paths_of_the_kernel_are_hidden_for_the_whole_pod() -> None:
    plan = pod(hidden=("/sys/firmware", "/proc/kcore"))
    argv = nspawn_argv(plan, HOST, "r")

    assert "--bind-ro=+/rkt/hidden:/sys/firmware:norbind" in argv
    assert "--bind-ro=/run/host/inaccessible/reg:/proc/kcore:norbind" in argv
    # What the covers in apps are binds of must itself be read-only.
    assert "--bind-ro=+/rkt/hidden:/rkt/hidden:norbind" in argv


def test_a_user_namespace_gets_its_range_and_trees_stay_as_they_are() -> None:
    argv = nspawn_argv(pod(first_id=655360, id_count=65536), HOST, "r")

    assert {"--private-users=655360:65536", "--private-users-ownership=off"} <= set(argv)
    assert not any("private-users" in word for word in nspawn_argv(pod(), HOST, "r"))


def test_a_volume_that_is_mounted_already_is_not_bound_again() -> None:
    mapped = BindPlan(source="/srv", target="/data", attached=True)

    argv = nspawn_argv(pod(app(binds=(mapped,))), HOST, "r")

    assert not any("/srv" in word for word in argv)


def test_controllers_are_bound_where_nspawn_would_mount_them_read_only() -> None:
    handed = (Handed(r"/cg/cpu,cpuacct/a\x2d:b", "cpu,cpuacct"),)
    argv = nspawn_argv(pod(), HOST, "r", handed)
    at = argv.index("--tmpfs=/sys/fs/cgroup:mode=755")

    assert argv[at + 1] == r"--bind=/cg/cpu,cpuacct/a\\x2d\:b:/sys/fs/cgroup/cpu,cpuacct:norbind"
    assert not [word for word in nspawn_argv(pod(), HOST, "r") if "/sys/fs/cgroup" in word]


def test_a_limited_pod_has_a_limited_scope_and_leaves_the_unit_of_a_service_alone() -> None:
    plan = pod(limits=Limits(memory=1 << 20, cpu_percent=0))
    properties = ["--property=MemoryMax=1048576", "--property=CPUQuota=1%"]

    assert [w for w in nspawn_argv(plan, HOST, "r") if "--property" in w] == properties
    service = HOST.replace(keep_unit=True)
    assert not [word for word in nspawn_argv(plan, service, "r") if "--property" in word]
