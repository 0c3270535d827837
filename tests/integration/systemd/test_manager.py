"""What is asked of systemd and machined, against stand-ins on a private bus."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from rktpy.systemd import machined
from rktpy.systemd.bus import BusError, Reply, Signal, connect
from rktpy.systemd.facts import BusAnswer
from rktpy.systemd.manager import ask_bus, is_main_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rktpy.systemd.bus import Bus
    from tests.integration.systemd.conftest import PrivateBus

pytestmark = pytest.mark.integration

MACHINE1 = "org.freedesktop.machine1"


@pytest.fixture
def dial(private_bus: PrivateBus) -> Callable[[], Bus]:
    return lambda: connect(address=private_bus.address, prefer="jeepney", timeout=20)


@pytest.fixture
def bus(dial: Callable[[], Bus]) -> Iterator[Bus]:
    bus = dial()
    yield bus
    bus.close()


def test_machined_with_the_calls_nspawn_makes_is_usable(private_bus: PrivateBus, bus: Bus) -> None:
    private_bus.serve("machine1")
    assert machined.usable(bus)


def test_machined_from_before_networks_is_not_usable(private_bus: PrivateBus, bus: Bus) -> None:
    private_bus.serve("old-machine1")
    assert not machined.usable(bus)


def test_no_machined_is_not_usable(bus: Bus) -> None:
    assert not machined.usable(bus)


def test_a_machined_that_cannot_be_started_is_not_usable(private_bus: PrivateBus, bus: Bus) -> None:
    private_bus.activatable(MACHINE1, "/bin/false")
    deadline = time.monotonic() + 20
    while MACHINE1 not in bus.names_activatable():
        assert time.monotonic() < deadline
    assert not machined.usable(bus)


def test_machines_are_listed_and_found(private_bus: PrivateBus, bus: Bus) -> None:
    private_bus.serve("machine1")
    machined.ask_for_all(bus)
    found: list[Signal | Reply] = []
    while not found:  # other messages wake, too
        assert select.select([bus], [], [], 20)[0]
        found = bus.received()
    (reply,) = found
    assert isinstance(reply, Reply)
    (machine,) = machined.machines(reply)
    assert (machine.name, machine.service) == ("rkt-x", "rkt")
    assert machined.leader(bus, "rkt-x") == 42
    assert machined.leader(bus, "rkt-y") is None


def test_ending_a_machine_says_whether_it_was_there(private_bus: PrivateBus, bus: Bus) -> None:
    private_bus.serve("machine1")
    assert machined.terminate(bus, "rkt-x")
    assert not machined.terminate(bus, "rkt-y")


def test_ending_a_machine_without_machined_is_an_error(bus: Bus) -> None:
    with pytest.raises(BusError):
        machined.terminate(bus, "rkt-x")


@pytest.mark.parametrize(
    ("unit", "main", "answer"),
    [
        ("foo.service", "us", True),
        ("foo.service", "1", False),
        ("bar.service", "us", False),
    ],
)
def test_the_manager_tells_whose_main_process_we_are(
    private_bus: PrivateBus,
    dial: Callable[[], Bus],
    unit: str,
    main: str,
    answer: bool,  # noqa: FBT001
) -> None:
    private_bus.serve("systemd1", FAKE_MAIN_PID=str(os.getpid()) if main == "us" else main)
    assert is_main_process(unit, os.getpid(), connect=dial) is answer


def test_without_a_manager_nobody_is_a_main_process(dial: Callable[[], Bus]) -> None:
    assert not is_main_process("foo.service", os.getpid(), connect=dial)


def test_the_bus_is_asked_about_both(private_bus: PrivateBus, dial: Callable[[], Bus]) -> None:
    private_bus.serve("systemd1")
    assert ask_bus(dial) == BusAnswer(machined=False, manager=True)
    private_bus.serve("machine1")
    assert ask_bus(dial) == BusAnswer(machined=True, manager=True)


def test_a_bus_that_is_not_there_is_a_no_that_is_not_final(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = ask_bus(lambda: connect(address=f"unix:path={tmp_path}/none"))
    assert answer == BusAnswer(machined=False, manager=False, final=False)
    reason = f"no message bus at {tmp_path}/none"
    line = f"stage0: cannot ask systemd over the bus, going on without: {reason}\n"
    assert capfd.readouterr().err == line


def test_a_bus_that_hangs_is_a_no_that_is_not_final(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/bus")
        listener.listen()
        begin = time.monotonic()
        answer = ask_bus(lambda: connect(address=f"unix:path={tmp_path}/bus", timeout=0.5))
    assert answer == BusAnswer(machined=False, manager=False, final=False)
    assert time.monotonic() - begin < 20  # and not as long as a bus is given otherwise


def test_a_machined_that_hangs_is_a_no_that_is_not_final(
    private_bus: PrivateBus, dial: Callable[[], Bus], capfd: pytest.CaptureFixture[str]
) -> None:
    """As one may at boot: what it says of machined would hold until the next."""
    private_bus.serve("systemd1")
    private_bus.serve("machine1").send_signal(signal.SIGSTOP)

    answer = ask_bus(dial)

    assert answer == BusAnswer(machined=False, manager=True, final=False)
    assert "cannot ask machined, going on without: " in capfd.readouterr().err


# As rktpy asks, from a process without threads: what GLib has started before does not go on in the
# child that asks, which would wait in vain.
ASKING = """
import os, sys
from rktpy.systemd.bus import connect
from rktpy.systemd.manager import ask_bus
answer = ask_bus(lambda: connect(address=sys.argv[1]))  # PyGObject, where it is installed
with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
    print(answer.machined, answer.manager, len(os.listdir("/proc/self/task")), file.read().split())
"""


def test_asking_leaves_no_thread_and_no_child(private_bus: PrivateBus) -> None:
    private_bus.serve("systemd1")
    private_bus.serve("machine1")

    said = subprocess.check_output([sys.executable, "-c", ASKING, private_bus.address], text=True)

    assert said == "True True 1 []\n"
