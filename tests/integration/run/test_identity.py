"""Who an app is: user, groups, capabilities, what system calls it may make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

DEFAULT = (
    "chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, "
    "net_raw, sys_chroot, mknod, audit_write, setfcap"
)
NAMED = f"{INSPECT}-user"
ON_ROOT = ("--exec=/inspect", "--", "--file-name=/", "--stat-file")
BLACKLIST = "--seccomp=mode=remove,@rkt/default-blacklist"
NO_STAT = "--seccomp=mode=remove,errno=EXFULL,stat"


@pytest.mark.parametrize(
    ("image", "options", "uid", "gid"),
    [
        (INSPECT, (), 0, 0),
        (INSPECT, ("--user=200",), 200, 0),
        (INSPECT, ("--group=300",), 0, 300),
        (INSPECT, ("--user=user1", "--group=300"), 1000, 300),
        (INSPECT, ("--user=200", "--group=group1"), 200, 100),
        (INSPECT, ("--user=/inspect", "--group=/inspect"), 0, 0),
        (NAMED, (), 400, 500),
        (NAMED, ("--user=root", "--group=root"), 0, 0),
        (NAMED, ("--group=group1",), 400, 100),
    ],
)
def test_user_and_group_come_from_image_and_options(
    rkt: Rktpy, image: str, options: tuple[str, ...], uid: int, gid: int
) -> None:
    done = rkt.run(image, *options, "--", "--print-user")

    assert done.lines() == [f"User: uid={uid} euid={uid} gid={gid} egid={gid}"]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--user=user2", '"user2" user not found'),
        ("--group=group2", '"group2" group not found'),
        ("--user=/etc/nofile", "no such file or directory"),
    ],
)
def test_an_unknown_user_is_refused_and_leaves_nothing(rkt: Rktpy, option: str, text: str) -> None:
    done = rkt.run(INSPECT, option)

    assert (done.status, done.out) == (254, "")
    assert text in done.err.lower() if text.islower() else text in done.err
    assert done.err.count("\n") == 1
    assert rkt.pods() == []


def test_supplementary_groups_are_set(rkt: Rktpy) -> None:
    done = rkt.run(INSPECT, "--supplementary-gids=400,500,1200", "--", "--print-groups")

    assert done.lines() == ["Groups: 0 400 500 1200"]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("", DEFAULT),
        ("--caps-retain=CAP_NET_ADMIN", "net_admin"),
        ("--caps-retain=CAP_CHOWN,CAP_SYS_ADMIN", "chown, sys_admin"),
        ("--caps-remove=CAP_CHOWN,CAP_SYS_ADMIN", DEFAULT.replace("chown, ", "")),
        ("--caps-remove=" + ",".join(f"CAP_{n.upper()}" for n in DEFAULT.split(", ")), ""),
    ],
)
def test_capabilities_are_bounded(rkt: Rktpy, option: str, expected: str) -> None:
    done = rkt.run(INSPECT, *filter(None, [option]), "--", "--print-caps-pid=0", "--suffix-msg=x")

    (line,) = [line for line in done.lines() if "bounding" in line]
    assert line == f"Capability set: bounding: {expected} (x)"


def test_capabilities_of_one_app_are_not_those_of_another(rkt: Rktpy) -> None:
    words = ("--", "--print-caps-pid=0", "--suffix-msg=x", "---")

    done = rkt.run(
        *(INSPECT, "--name=a", "--caps-retain=CAP_NET_ADMIN", *words),
        *(INSPECT, "--name=b", "--caps-retain=CAP_KILL", *words),
    )

    assert [line for line in done.lines("a") if "bounding" in line] == [
        "Capability set: bounding: net_admin (x)"
    ]
    assert [line for line in done.lines("b") if "bounding" in line] == [
        "Capability set: bounding: kill (x)"
    ]


@pytest.mark.parametrize(
    ("words", "beyond"),
    [("image,ondisk,paths", set()), ("image,capabilities", {"sys_admin", "sys_module"})],
)
def test_only_the_word_capabilities_lifts_the_bounds(
    rkt: Rktpy, words: str, beyond: set[str]
) -> None:
    caps = ("--", "--print-caps-pid=0")

    done = rkt(f"--insecure-options={words}", "run", "--net=none", INSPECT, *caps)

    (line,) = [line for line in done.lines() if "bounding" in line]
    assert {name for name in ("sys_admin", "sys_module") if name in line} == beyond


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--seccomp=mode=retain,@appc.io/all",),
        ("--seccomp=mode=remove,@appc.io/empty",),
        (BLACKLIST,),
        ("--seccomp=mode=remove,reboot", "--group=100"),
        ("--seccomp=mode=remove,reboot", "--user=1000"),
        ("--seccomp=mode=retain,@rkt/default-whitelist",),
        ("--seccomp=mode=retain,@docker/default-whitelist",),
    ],
)
def test_ordinary_programs_run_under_every_filter(rkt: Rktpy, options: tuple[str, ...]) -> None:
    done = rkt.run(INSPECT, *options, *ON_ROOT)

    assert done.status == 0
    assert done.lines()[0].startswith("/: mode: d")


def test_a_shell_runs_under_the_default_filter(rkt: Rktpy) -> None:
    done = rkt.run(SHELL, "--", "ls / >/dev/null && echo $(id -u) | cat")

    assert (done.status, done.lines()) == (0, ["0"])


def test_a_removed_system_call_fails_as_asked(rkt: Rktpy) -> None:
    done = rkt.run(INSPECT, NO_STAT, *ON_ROOT)

    assert done.status == 254
    assert "exchange full" in done.lines()[-1]


def test_a_removed_system_call_kills_without_an_errno(rkt: Rktpy) -> None:
    done = rkt.run(INSPECT, "--seccomp=mode=remove,stat", *ON_ROOT)

    assert done.status == 31  # SIGSYS


def test_filters_can_be_lifted(rkt: Rktpy) -> None:
    for words in ("image,seccomp", "image,all-run"):
        done = rkt("--insecure-options=" + words, "run", "--net=none", INSPECT, NO_STAT, *ON_ROOT)
        assert done.status == 0, words


@pytest.mark.parametrize(
    ("options", "value"),
    [((), 0), (("--user=1000",), 1), (("--user=1000", "--seccomp=mode=retain,@appc.io/all"), 0)],
)
def test_users_under_a_filter_cannot_gain_privileges(
    rkt: Rktpy, options: tuple[str, ...], value: int
) -> None:
    done = rkt.run(INSPECT, *options, "--", "--print-no-new-privs")

    assert done.lines() == [f"no_new_privs: {value} err: errno 0"]
