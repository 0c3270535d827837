"""Every text that the pod's systemd or nspawn is to understand, for every version of systemd.

A word that is not in the tables of ``systemd_history`` fails: look up since when there is such.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from rktpy.flavour.plan import AppPlan, BindPlan, Limits, PodPlan, SocketPlan
from rktpy.flavour.seccomp import filter_plan
from rktpy.nspawn import lifeline, podfilter
from rktpy.nspawn.closure import dlopen_wishes
from rktpy.nspawn.command import HostTraits, nspawn_argv, nspawn_environment
from rktpy.nspawn.stage1 import Stage1Error, files_dir, systemd_programs
from rktpy.nspawn.unit.confine import HIDDEN_IN_PODS
from rktpy.nspawn.unit.units import unit_files
from rktpy.systemd.features import CGROUP_V1, LEAST, RESTART_MODE
from tests.support.systemd_history import (
    DIRECTIVES,
    FUTURE,
    KERNEL_WORDS,
    NAMED,
    NSPAWN_OPTIONS,
    REMOVED,
    SUPPORTED,
    UNKNOWN,
    VALUES,
    since,
)
from tests.unit.nspawn.plans import app, pod

HOST = HostTraits(
    nspawn="/usr/bin/systemd-nspawn", booted=True, register=True, keep_unit=False, systemd=252
)
LIMITS = Limits(
    memory=1 << 26, cpu_percent=50, cpu_shares=512, pids=99, block_bandwidth=1, block_iops=1,
    disks=("8:0",), oom_score_adj=100,
)  # fmt: skip


def everything(*, v1: bool) -> PodPlan:
    """Return a pod that uses all that can be written down."""
    seccomp = filter_plan(retain=True, names=("read",), errno="EPERM", machine="x86_64")
    common = app(
        capabilities=("CAP_CHOWN",), seccomp=seccomp, limits=LIMITS.replace(v1=v1),
        pre_start=(("/pre",),), post_stop=(("/post",),), supplementary_gids=(7,), notify=True,
        read_only_rootfs=True, binds=(BindPlan("/srv", "/data"),), stop_signal="SIGINT",
        sockets=(SocketPlan((("ListenStream", "80"), ("ListenDatagram", "53")), "a"),),
        restart="on-failure",
        watchdog=1500,
    )  # fmt: skip
    return pod(
        common,
        common.replace(name="pipes", reopens=True, restart="always", notify=False),
        hidden=HIDDEN_IN_PODS, limits=Limits(memory=1 << 27, cpu_percent=80), first_id=1 << 17,
        id_count=1 << 16,
    )  # fmt: skip


def written(plan: PodPlan) -> str:
    """Return all unit files of a pod, those of the image included."""
    units = Path(files_dir(), "units")
    return "\n".join([*unit_files(plan).values(), *(file.read_text() for file in units.iterdir())])


def directives(text: str) -> set[str]:
    lines = [line for line in text.splitlines() if line[:1].isalpha() and "=" in line]
    return {line.partition("=")[0] for line in lines}


@pytest.mark.parametrize(
    ("systemd", "v1"),
    [(version, False) for version in (*SUPPORTED, FUTURE)]
    + [(version, True) for version in SUPPORTED if CGROUP_V1.of(version)],
)
def test_every_directive_of_a_pod_is_one_that_its_systemd_knows(systemd: int, *, v1: bool) -> None:
    plan = everything(v1=v1).replace(reboots=True, restart_mode=RESTART_MODE.of(systemd))
    text = written(plan) + written(pod(interactive=True, handed_streams=(0, 1, 2)))
    removed = {word for version, words in REMOVED.items() if version <= systemd
               for word in words.split()}  # fmt: skip

    assert {word for word in directives(text) if since(DIRECTIVES, word) is None} == set()
    assert max(since(DIRECTIVES, word) or 0 for word in directives(text)) <= systemd
    assert directives(text) & removed == set()


@pytest.mark.parametrize("systemd", SUPPORTED)
def test_every_value_that_came_late_is_one_that_systemd_knows(systemd: int) -> None:
    text = written(everything(v1=False))

    for word, version in VALUES.items():
        assert word in text
        assert version <= systemd


def test_too_old_versions_lack_what_a_pod_cannot_do_without() -> None:
    """The reason for ``LEAST``: MONITOR_*, which the reaper reads, came with 251."""
    reaper = Path(files_dir(), "libexec/reaper").read_text()

    assert "$MONITOR_EXIT_CODE" in reaper
    assert LEAST >= 251
    assert {since(DIRECTIVES, "OnSuccess"), since(NSPAWN_OPTIONS, "private-users-ownership")} == {
        249
    }


@pytest.mark.parametrize("systemd", [*SUPPORTED, FUTURE, UNKNOWN])
def test_every_word_of_the_command_is_one_that_nspawn_and_the_pods_systemd_know(
    systemd: int,
) -> None:
    plan = everything(v1=False).replace(interactive=True, reboots=True)
    argv = nspawn_argv(plan, HOST.replace(systemd=systemd), "r")
    argv += nspawn_argv(plan, HOST.replace(systemd=systemd, keep_unit=True), "r")[1:]
    programs = ("env", "setpriv")
    tied = nspawn_argv(plan, HOST.replace(systemd=systemd, before_systemd=programs), "r")
    argv += tied[: tied.index("--")] + tied[tied.index(lifeline.init(programs)[-1]) :]

    options = {word[2:].partition("=")[0] for word in argv if word.startswith("--") and word[2:]}
    words = {word.partition("=")[0] for word in argv if word.startswith("systemd.")}
    for option in options:
        version = since(NSPAWN_OPTIONS, option)
        assert version is not None, option
        assert version <= (systemd or LEAST), option
    assert words == set(KERNEL_WORDS[229].split())


def test_the_command_differs_between_versions_by_the_colour_of_the_background() -> None:
    plain = nspawn_argv(pod(), HOST, "r")
    differing = {
        systemd: sorted(set(nspawn_argv(pod(), HOST.replace(systemd=systemd), "r")) ^ set(plain))
        for systemd in (*SUPPORTED, FUTURE, UNKNOWN)
    }

    assert differing == {
        252: [], 255: [], 257: ["--background="], 258: ["--background="],
        FUTURE: ["--background="], UNKNOWN: [],
    }  # fmt: skip


@pytest.mark.parametrize("systemd", [*SUPPORTED, FUTURE, UNKNOWN])
def test_no_version_is_told_to_begin_with_escape_sequences_where_no_terminal_is(
    systemd: int,
) -> None:
    host, caller = HOST.replace(systemd=systemd), {"TERM": "xterm"}

    def term(**changes: object) -> str:
        return nspawn_environment(pod(**changes), host, caller)["TERM"]

    assert term() == "dumb"
    assert term(interactive=True, handed_streams=(0, 1, 2)) == "dumb"
    assert term(interactive=True) == "xterm"
    assert term(interactive=True, handed_streams=(1,)) == "xterm"


@pytest.mark.parametrize(
    ("systemd", "ours"),
    [(version, version == 252) for version in (*NAMED, FUTURE, UNKNOWN)],
)
def test_our_filter_of_the_pod_is_for_versions_that_were_tried(systemd: int, *, ours: bool) -> None:
    assert podfilter.applies(systemd) is ours


def test_calls_that_are_answered_with_enosys_never_stand_in_an_allow_list() -> None:
    """systemd's allow lists answer the unknown with ENOSYS from 255 on, and libseccomp refuses a
    rule that says what the default says: no app would start (seen with 257 and 262)."""
    unit = unit_files(everything(v1=False))["web.service"]
    filters = [line for line in unit.splitlines() if line.startswith("SystemCallFilter=")]

    assert filters[:3] == [
        "SystemCallFilter=~@known", "SystemCallFilter=@default", "SystemCallFilter=read",
    ]  # fmt: skip
    assert "SystemCallFilter=~statx:ENOSYS" in filters


class TestWhatGoesIntoTheImage:
    def test_the_executor_goes_in_where_systemd_has_one(self, tmp_path: Path) -> None:
        """From 255 on PID 1 starts services through it."""
        self.install(tmp_path, "systemd", "systemd-journald", "systemd-shutdown")
        old = systemd_programs((str(tmp_path),))
        self.install(tmp_path, "systemd-executor")
        new = systemd_programs((str(tmp_path),))

        assert "systemd-executor" not in old
        assert new == old | {"systemd-executor": f"{tmp_path}/systemd-executor"}

    def test_what_every_version_has_must_be_there(self, tmp_path: Path) -> None:
        self.install(tmp_path, "systemd", "systemd-shutdown", "systemd-executor")

        with pytest.raises(Stage1Error, match="systemd-journald is not on this host"):
            systemd_programs((str(tmp_path),))

    def install(self, directory: Path, *names: str) -> None:
        for name in names:
            (directory / name).touch(0o755)


class TestLibrariesThatAreOpenedAtRunTime:
    """The notes of systemd 256 and later (https://systemd.io/ELF_DLOPEN_METADATA)."""

    def note(self, text: bytes, kind: int = 0x407C0C0A) -> bytes:
        text += b"\0"
        return struct.pack("<III", 4, len(text), kind) + b"FDO\0" + text + b"\0" * (-len(text) % 4)

    def test_what_is_needed_goes_in_and_what_is_merely_suggested_does_not(self) -> None:
        notes = (
            self.note(b'[{"soname":["libcrypt.so.2","libcrypt.so.1"],"priority":"required"}]')
            + self.note(b'[{"soname":["libbpf.so.1"],"priority":"suggested"}]')
            + self.note(b'[{"feature":"zstd","soname":["libzstd.so.1"]}]')
        )

        assert dlopen_wishes(notes, "<") == [("libcrypt.so.2", "libcrypt.so.1"), ("libzstd.so.1",)]

    def test_other_notes_and_versions_without_any_wish_for_nothing(self) -> None:
        assert dlopen_wishes(self.note(b"GNU", kind=3), "<") == []
        assert dlopen_wishes(b"", "<") == []


def test_apps_of_the_test_are_as_full_as_plans_can_be() -> None:
    """A field that is added to plans, and so to units, must be added to ``everything``."""
    plain, full = AppPlan("a", "b", ("/c",)), everything(v1=True).apps
    left_out = {
        field
        for field in AppPlan._fields_
        if all(getattr(one, field) == getattr(plain, field) for one in full)
    }

    assert left_out == {
        "discarded", "environment", "files", "gid", "isolators", "lifted", "no_new_privileges",
        "places", "protect_paths", "uid", "working_directory",
    }  # fmt: skip
