"""Facts on a host that systemd booted, as far as the bus tells them. /run is the test's own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from rktpy.systemd.bus import connect
from rktpy.systemd.facts import RETRY_SECONDS, host_facts, sd_booted

if TYPE_CHECKING:
    from pathlib import Path

    from rktpy.systemd.bus import Bus
    from rktpy.systemd.facts import HostFacts
    from tests.integration.systemd.conftest import PrivateBus

pytestmark = pytest.mark.integration


class Booted:
    """A private bus as the system bus, and how often it was dialled."""

    def __init__(self, base: Path, bus: PrivateBus) -> None:
        os.makedirs("/run/systemd/system")
        self.kept = base / "host.json"
        self.calls = base / "calls"
        self.address = bus.address

    def facts(self) -> HostFacts:
        return host_facts({"PATH": "/usr/bin"}, path=str(self.kept), connect=self._dial)

    def dialled(self) -> int:
        return self.calls.stat().st_size if self.calls.exists() else 0

    def _dial(self) -> Bus:
        with self.calls.open("a") as file:  # the caller is a child process
            file.write("x")
        return connect(address=self.address, prefer="jeepney", timeout=20)


@pytest.fixture
def booted(tmp_path: Path, private_bus: PrivateBus) -> Booted:
    return Booted(tmp_path, private_bus)


def test_the_bus_is_asked_once(booted: Booted, private_bus: PrivateBus) -> None:
    private_bus.serve("systemd1")
    private_bus.serve("machine1")
    for _ in range(3):
        facts = booted.facts()
        assert (facts.booted, facts.machined, facts.manager) == (True, True, True)
    assert booted.dialled() == 1


@pytest.mark.parametrize(
    "mark",
    [
        "/run/dbus/system_bus_socket",
        "/run/systemd/system/systemd-machined.service",
    ],
)
def test_it_is_asked_again_when_machined_or_the_bus_changes(booted: Booted, mark: str) -> None:
    assert not booted.facts().machined
    os.makedirs(os.path.dirname(mark), exist_ok=True)
    os.symlink("/dev/null", mark)  # as "systemctl mask --runtime" does
    booted.facts()
    os.unlink(mark)
    assert booted.dialled() == 2


def test_a_host_that_stops_being_booted_has_no_machined(
    booted: Booted, private_bus: PrivateBus
) -> None:
    private_bus.serve("machine1")
    assert booted.facts().machined
    os.rmdir("/run/systemd/system")
    assert not sd_booted()
    assert not booted.facts().machined


def test_a_bus_that_failed_is_asked_again_after_a_while(
    booted: Booted, private_bus: PrivateBus
) -> None:
    good, booted.address = booted.address, "unix:path=/nowhere"
    assert not booted.facts().manager
    booted.address = good
    private_bus.serve("systemd1")
    assert not booted.facts().manager
    content = json.loads(booted.kept.read_text())
    booted.kept.write_text(json.dumps(content | {"retry_at": content["retry_at"] - RETRY_SECONDS}))
    assert booted.facts().manager
    assert json.loads(booted.kept.read_text())["retry_at"] == 0


def test_a_machined_that_is_masked_and_still_runs_does_not_count(
    booted: Booted, private_bus: PrivateBus
) -> None:
    private_bus.serve("systemd1")
    private_bus.serve("machine1")
    mask = "/run/systemd/system/systemd-machined.service"
    os.symlink("/dev/null", mask)

    facts = booted.facts()
    os.unlink(mask)

    assert (facts.machined, facts.manager) == (False, True)
