"""Old and new systemd: how its version is found out, what follows from it, and where."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

import rktpy
from rktpy.host.cgroup.hierarchy import ABSENT, HYBRID, LEGACY, UNIFIED
from rktpy.systemd import machined
from rktpy.systemd.facts import HostFacts, major_version, systemd_version
from rktpy.systemd.features import (
    BACKGROUND,
    CGROUP_V1,
    KERNEL_DIRECTORIES,
    LEAST,
    POD_FILTER,
    RESTART_MODE,
    SHARED_SUPERVISOR,
    SystemdVersionError,
    check_systemd,
)
from rktpy.systemd.unit import Host, Process, decide
from tests.support.systemd_history import FUTURE, NAMED, SUPPORTED, UNKNOWN

FACTS = HostFacts(
    booted=True, cgroup_mode=UNIFIED, nspawn="/usr/bin/systemd-nspawn", systemd=252, machined=True,
    manager=True, overlay=True, idmapped_mounts=True, idmapped_layers=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("systemd", "has"),
    [
        (239, ""),
        (247, ""),
        (252, "filter kernel v1"),
        (253, "kernel v1"),
        (254, "supervisor restart kernel v1"),
        (255, "supervisor restart kernel v1"),
        (256, "supervisor restart background v1"),
        (257, "supervisor restart background v1"),
        (258, "supervisor restart background"),
        (FUTURE, "supervisor restart background"),
        # One that cannot be told is trusted with what all know.
        (UNKNOWN, "filter kernel v1"),
    ],
)
def test_what_each_version_has(systemd: int, has: str) -> None:
    table = {
        "supervisor": SHARED_SUPERVISOR,
        "restart": RESTART_MODE,
        "kernel": KERNEL_DIRECTORIES,
        "background": BACKGROUND,
        "filter": POD_FILTER,
        "v1": CGROUP_V1,
    }

    found = {name for name, feature in table.items() if feature.of(systemd)}
    assert found == set(has.split())
    assert {name for name, feature in table.items() if feature.may_be_in(systemd)} == (
        found if systemd else set(table)
    )


class TestTheHostThatIsAsked:
    @pytest.mark.parametrize("systemd", [*SUPPORTED, FUTURE, UNKNOWN])
    def test_these_run_pods_on_cgroup_v2(self, systemd: int) -> None:
        check_systemd(FACTS.replace(systemd=systemd))

    @pytest.mark.parametrize("systemd", [version for version in NAMED if version < LEAST])
    @pytest.mark.parametrize("mode", [UNIFIED, HYBRID, LEGACY, ABSENT])
    def test_these_are_too_old_and_say_what_would_do(self, systemd: int, mode: str) -> None:
        with pytest.raises(SystemdVersionError) as caught:
            check_systemd(FACTS.replace(systemd=systemd, cgroup_mode=mode))

        assert str(caught.value) == f"systemd {systemd} of this host is too old to run pods"
        assert caught.value.hint == "upgrade to systemd 252 or newer"

    @pytest.mark.parametrize("systemd", [252, 255, 257, UNKNOWN])
    @pytest.mark.parametrize("mode", [HYBRID, LEGACY])
    def test_these_run_pods_on_cgroup_v1(self, systemd: int, mode: str) -> None:
        check_systemd(FACTS.replace(systemd=systemd, cgroup_mode=mode))

    @pytest.mark.parametrize("systemd", [258, FUTURE])
    @pytest.mark.parametrize("mode", [HYBRID, LEGACY])
    def test_these_do_not_any_more(self, systemd: int, mode: str) -> None:
        with pytest.raises(SystemdVersionError, match=f"systemd {systemd} .* on cgroup v1") as why:
            check_systemd(FACTS.replace(systemd=systemd, cgroup_mode=mode))

        assert mode in str(why.value)
        assert "systemd.unified_cgroup_hierarchy=1" in str(why.value.hint)

    def test_a_host_without_nspawn_is_not_called_too_old(self) -> None:
        check_systemd(FACTS.replace(systemd=0, nspawn=""))


SPELLINGS = [
        ("239", 239),
        ("247.3-7+deb11u7", 247),
        ("252.39-1~deb12u1", 252),
        ("255.4-1ubuntu8.8", 255),
        ("257~rc3", 257),
        ("257.9-1.fc42", 257),
        ("v258", 258),
        ("v258-rc1-12-gdeadbeef", 258),
        ("258.10-1-arch", 258),
        ("1000", 1000),
]  # fmt: skip
NO_VERSIONS = ["", "five", "v", "-257", "999999999999", "vv257"]


class TestSpellingsOfVersions:
    @pytest.mark.parametrize(("spelling", "version"), SPELLINGS)
    def test_the_number_in_front_is_the_version(self, spelling: str, version: int) -> None:
        assert major_version(spelling) == version

    @pytest.mark.parametrize("spelling", NO_VERSIONS)
    def test_anything_else_cannot_be_told(self, spelling: str) -> None:
        assert major_version(spelling) == UNKNOWN

    @pytest.mark.parametrize(("spelling", "version"), SPELLINGS)
    @pytest.mark.parametrize("folder", ["systemd", "../lib64/systemd", "{}-linux-gnu/systemd"])
    def test_the_private_library_tells_it_wherever_a_distribution_keeps_that(
        self, tmp_path: Path, spelling: str, version: int, folder: str
    ) -> None:
        place = tmp_path / "usr/lib" / folder.format(os.uname().machine)
        (tmp_path / "usr/lib").mkdir(parents=True)
        place.resolve().mkdir(parents=True)
        (place / f"libsystemd-shared-{spelling}.so").touch()

        assert systemd_version(f"{tmp_path}/usr/bin/systemd-nspawn") == version


@pytest.mark.parametrize("systemd", [*NAMED, FUTURE, UNKNOWN])
def test_a_pod_below_supervisor_is_beside_it_from_254_on(systemd: int) -> None:
    host = Host(booted=True, machined=True, manager=True, mode=UNIFIED, systemd=systemd)
    process = Process("0::/system.slice/a.service/supervisor\n", "0::/init.scope\n", pid=7,
                      exec_pid=7, alone=True, leader=True)  # fmt: skip

    above = "system.slice/a.service" + ("" if systemd >= 254 else "/supervisor")
    assert decide("u", host, process).subcgroup == f"{above}/payload"


@pytest.mark.parametrize(
    ("members", "usable"),
    [
        ("CreateMachine RegisterMachine", False),  # before 216
        ("CreateMachineWithNetwork RegisterMachineWithNetwork", True),  # 239 to 258
        # 259 and later: more of them, and the ones that nspawn of any version falls back to.
        ("CreateMachineWithNetwork CreateMachineEx RegisterMachineWithNetwork RegisterMachineEx",
         True),
    ],
)  # fmt: skip
def test_machined_of_any_version_is_asked_what_it_can_do(members: str, *, usable: bool) -> None:
    class Bus:
        """What ``usable`` sees of the system bus: not one of its own calls needs a version."""

        def name_has_owner(self, _name: str) -> bool:
            return True

        def call(self, *_words: object, timeout: float = 0) -> tuple[str]:
            methods = "".join(f'<method name="{name}"/>' for name in members.split())
            return (f'<interface name="{machined.INTERFACE}">{methods}</interface>',)

    assert machined.usable(Bus()) is usable  # type: ignore[arg-type]


class TestNobodyElse:
    """Reads or compares versions of systemd: what differs stands in the table of features."""

    ROOMS = Path(rktpy.__file__).parent
    # A field, or a variable where it is bound: no other text can be compared as one.
    NAMED = (
        r"(?<!rktpy)\.systemd\b|\bsystemd\s*[:=,)]|\bsystemd_version\b"
        r"|\b(?:as|import|for)\b.*\bsystemd\b(?!\.)"
    )
    FINDS_OUT, COMPARES = "systemd/facts.py", "systemd/features.py"

    def modules(self, pattern: str) -> dict[str, ast.AST]:
        """Return those in whose text ``pattern`` is found: to parse all takes seconds."""
        texts = {file: file.read_text() for file in sorted(self.ROOMS.rglob("*.py"))}
        return {
            str(file.relative_to(self.ROOMS)): ast.parse(text)
            for file, text in texts.items()
            if re.search(pattern, text)
        }

    def test_compares_what_is_called_systemd_with_anything(self) -> None:
        found = {
            name
            for name, tree in self.modules(self.NAMED).items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Compare)
            for side in (node.left, *node.comparators)
            if self.is_version(side)
        }

        assert found == {self.COMPARES}

    def test_looks_for_the_library_that_tells_it_or_asks_a_program_of_systemd(self) -> None:
        found = {
            name
            for name, tree in self.modules("libsystemd-shared-|--version").items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node.value in ("libsystemd-shared-", "--version")
        }

        assert found == {self.FINDS_OUT}

    def is_version(self, node: ast.expr) -> bool:
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        return name in ("systemd", "systemd_version")
