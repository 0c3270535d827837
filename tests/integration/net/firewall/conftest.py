"""A host with an outside, whose rules go with it, and both kinds of programs to make rules."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host.process import DEFAULT_PATH, find_program
from rktpy.net.firewall import applying, loopback
from tests.support.wires import Wires

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rktpy.net.rules import Rules

IPTABLES = [f"{name}-{what}" for name in ("iptables", "ip6tables") for what in ("save", "restore")]


class Firewall:
    """The door, with the programs of one directory."""

    def __init__(self, path: str) -> None:
        self.path = path

    def apply(self, uuid: str, rules: Rules) -> None:
        applying.apply(uuid, rules, path=self.path)

    def remove(self, uuid: str) -> None:
        applying.remove(uuid, path=self.path)

    def missing(self, wanted: Mapping[str, Rules]) -> list[str]:
        return applying.missing(wanted, path=self.path)


@pytest.fixture
def wires() -> Iterator[Wires]:
    """What ``remove`` must take away, tests of ``remove`` see; the others need not call it."""
    with Wires() as made:
        yield made
        for folder in ("loopback/pods", "iptables"):
            for entry in Path(loopback.DIRECTORY).parent.glob(f"{folder}/*"):
                applying.remove(entry.name)
    subprocess.run(["nft", "flush", "ruleset"], check=True)


@pytest.fixture
def iptables(tmp_path: Path) -> Firewall:
    """A host that has iptables alone."""
    for name in IPTABLES:
        program = find_program(name, DEFAULT_PATH)
        assert program is not None, f"{name} is not installed"
        (tmp_path / name).symlink_to(program)
    return Firewall(str(tmp_path))


@pytest.fixture(params=["nft", "iptables"])
def firewall(request: pytest.FixtureRequest) -> Firewall:
    if request.param == "nft":
        return Firewall(DEFAULT_PATH)
    found: Firewall = request.getfixturevalue("iptables")
    return found
