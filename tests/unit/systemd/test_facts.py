"""Host facts: what is kept, when it is thrown away, and that a bad file never hurts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from rktpy.systemd.facts import bus_refuses, find_nspawn, host_facts, remember

if TYPE_CHECKING:
    from pathlib import Path


class Installation:
    """A fake systemd below a directory; its version is in the name of its private library."""

    def __init__(self, base: Path) -> None:
        self.bin = base / "usr/bin"
        self.bin.mkdir(parents=True)
        self.libraries = base / "usr/lib/systemd"
        self.libraries.mkdir(parents=True)
        self.kept = base / "run/host.json"
        self.install_nspawn()
        self.set_version("257")

    def install_nspawn(self) -> None:
        program = self.bin / "new"
        program.touch(0o755)
        program.rename(self.bin / "systemd-nspawn")

    def set_version(self, version: str) -> None:
        """Change what a probe finds, and nothing that kept facts are held against."""
        for library in self.libraries.iterdir():
            library.unlink()
        (self.libraries / f"libsystemd-shared-{version}.so").touch()

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": f"/nowhere:{self.bin}"}

    def version(self) -> int:
        return host_facts(self.environ, path=str(self.kept)).systemd

    def probes_again(self) -> bool:
        self.set_version("300")
        return self.version() == 300


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_facts_are_probed_once(installation: Installation) -> None:
    assert installation.version() == 257
    assert not installation.probes_again()


def test_the_file_is_for_all_to_read_and_one_to_write(installation: Installation) -> None:
    installation.version()
    assert installation.kept.stat().st_mode & 0o777 == 0o644


def test_another_nspawn_throws_the_facts_away(installation: Installation) -> None:
    installation.version()
    installation.install_nspawn()
    assert installation.probes_again()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"key": "other boot", "systemd": 1, "machined": true}',
        b"x" * (1 << 17),
    ],
)
def test_a_damaged_file_costs_a_probe_and_is_replaced(
    installation: Installation, damage: bytes
) -> None:
    installation.version()
    installation.kept.write_bytes(damage)
    assert installation.probes_again()
    installation.set_version("301")
    assert installation.version() == 300


@pytest.mark.parametrize(
    ("field", "value"), [("systemd", "257"), ("machined", 1), ("stage1", None), ("retry_at", 1)]
)
def test_a_field_of_another_kind_or_time_costs_a_probe(
    installation: Installation, field: str, value: object
) -> None:
    installation.version()
    content = json.loads(installation.kept.read_text())
    installation.kept.write_text(json.dumps(content | {field: value}))
    assert installation.probes_again()


def test_a_missing_field_costs_a_probe(installation: Installation) -> None:
    installation.version()
    content = json.loads(installation.kept.read_text())
    del content["machined"]
    installation.kept.write_text(json.dumps(content))
    assert installation.probes_again()


def test_a_file_that_others_may_write_is_not_believed(installation: Installation) -> None:
    installation.version()
    installation.kept.chmod(0o666)
    assert installation.probes_again()


def test_a_link_in_place_of_the_file_is_not_believed(installation: Installation) -> None:
    installation.version()
    moved = installation.kept.with_name("moved.json")
    installation.kept.rename(moved)
    installation.kept.symlink_to(moved)
    assert installation.probes_again()


def test_a_pipe_in_place_of_the_file_does_not_block(installation: Installation) -> None:
    installation.kept.parent.mkdir()
    os.mkfifo(installation.kept, 0o644)
    assert installation.version() == 257


def test_facts_that_cannot_be_kept_are_still_found(installation: Installation) -> None:
    installation.kept.parent.write_text("not a directory")
    assert installation.version() == 257


def test_no_nspawn_is_a_fact(installation: Installation) -> None:
    facts = host_facts({"PATH": "/nowhere"}, path=str(installation.kept))
    assert (facts.nspawn, facts.systemd) == ("", 0)
    assert host_facts({}, path=str(installation.kept)).nspawn == ""


def test_what_stage1_was_assembled_as_is_remembered(installation: Installation) -> None:
    path = str(installation.kept)
    facts = host_facts(installation.environ, path=path)
    remember(facts, "sha512-abc", installation.environ, path=path)
    assert host_facts(installation.environ, path=path) == facts.replace(stage1="sha512-abc")
    installation.install_nspawn()
    assert host_facts(installation.environ, path=path).stage1 == ""


@pytest.mark.parametrize(("name", "version"), [("239", 239), ("254.7-1", 254), ("258~rc1", 258)])
def test_the_version_is_in_the_name_of_the_private_library(
    installation: Installation, name: str, version: int
) -> None:
    installation.set_version(name)
    assert installation.version() == version


def test_the_private_library_may_be_in_a_multiarch_directory(
    installation: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / f"usr/lib/{os.uname().machine}-linux-gnu"
    folder.mkdir()
    installation.libraries.rename(folder / "systemd")
    assert installation.version() == 257


def test_nspawn_is_looked_up_in_absolute_directories_only(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(installation.bin)
    found = f"{installation.bin}/systemd-nspawn"
    assert find_nspawn(".::usr/bin") == ""
    assert find_nspawn(f"/nowhere:{installation.bin}") == found


def test_kept_facts_load_nothing_heavy(installation: Installation) -> None:
    installation.version()
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from rktpy.systemd.facts import host_facts\n"
        "from rktpy.systemd.unit import place_pod\n"
        "import rktpy.cgroup\n"
        "facts = host_facts({'PATH': sys.argv[2]}, path=sys.argv[3])\n"
        "place_pod('6733c088-a507-4694-aabf-32fd8b7c0ba1', facts, {})\n"
        "print(*sys.modules)"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
    argv = [sys.executable, "-I", "-S", "-c", code, root, *installation.environ.values()]
    done = subprocess.run([*argv, str(installation.kept)], capture_output=True, check=True)
    loaded = set(done.stdout.decode().split())
    heavy = "dataclasses pathlib typing enum re json logging subprocess inspect signal contextlib"
    assert loaded & {*heavy.split(), "jeepney", "gi", "rktpy.systemd.bus"} == set()


def test_a_bus_that_was_stopped_refuses(tmp_path: Path) -> None:
    path = str(tmp_path / "bus")
    before = bus_refuses(path)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    served = bus_refuses(path)
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.accept()  # nobody has knocked
    server.close()

    assert (before, served, bus_refuses(path)) == (False, False, True)


def test_remembering_stage1_does_not_make_a_passing_no_final(installation: Installation) -> None:
    path = str(installation.kept)
    facts = host_facts(installation.environ, path=path)
    content = json.loads(installation.kept.read_text())
    soon = int(time.clock_gettime(time.CLOCK_BOOTTIME)) + 60
    installation.kept.write_text(json.dumps(content | {"retry_at": soon}))
    remember(facts, "sha512-abc", installation.environ, path=path)

    assert json.loads(installation.kept.read_text())["retry_at"] == soon
