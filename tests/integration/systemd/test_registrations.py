"""Registrations follow machined, whatever happens to it and to the bus."""

from __future__ import annotations

import contextlib
import signal
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import pytest
from jeepney import DBusAddress, HeaderFields, new_signal
from jeepney.io.blocking import open_dbus_connection

from rktpy.host.readiness import Readiness
from rktpy.systemd.bus import NOT_SUPPORTED, BusError, connect
from rktpy.systemd.machined import DESTINATION, INTERFACE, PATH
from rktpy.systemd.registrations import FIRST_PAUSE, Registrations
from tests.integration.systemd.fake_service import TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rktpy.systemd.bus import Bus
    from tests.integration.systemd.conftest import PrivateBus

pytestmark = pytest.mark.integration

PATIENCE = 60.0  # seconds; only a hang takes so long


class EndingBus:
    """A connection whose bus ends as soon as all was asked and nothing read."""

    def __init__(self, bus: Bus, end: Callable[[], None]) -> None:
        self._bus, self._end = bus, end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def fileno(self) -> int:
        self._end()
        return self._bus.fileno()


class Reader:
    """Registrations on ``bus``, and what they told: ``+x``, ``-x``."""

    def __init__(self, bus: PrivateBus) -> None:
        self.told: list[str] = []
        self.at: list[int] = []
        self.dialled: list[float] = []
        self.when_dialled: Callable[[], None] | None = None  # ends the bus, once
        self.readiness = Readiness()
        self.watch = Registrations(self.readiness, changed=self.take, dial=self._dial)
        self._address = bus.address

    def begin(self) -> None:
        self.watch.begin()
        self.take()

    def take(self) -> None:
        for each in self.watch.news():
            self.told.append(("+" if each.there else "-") + each.uuid)
            self.at.append(each.at)

    def until(self, *told: str) -> None:
        """Wait until ``told`` has been told since the last call, and nothing else."""
        self.wait(lambda: len(self.told) >= len(told))
        said, self.told = self.told, []
        assert said == list(told)

    def wait(self, enough: Callable[[], bool]) -> None:
        over: list[bool] = []
        self.readiness.after(PATIENCE, lambda: over.append(True))
        while not enough():
            self.readiness.wait()
            assert not over, self.told

    def _dial(self) -> Bus:
        self.dialled.append(time.monotonic())
        bus = connect(address=self._address, prefer="jeepney")
        if self.when_dialled is not None:
            bus = cast("Bus", EndingBus(bus, self.when_dialled))
            self.when_dialled = None
        return bus


@pytest.fixture
def reader(private_bus: PrivateBus) -> Iterator[Reader]:
    reader = Reader(private_bus)
    yield reader
    reader.watch.close()


def machined(bus: PrivateBus, method: str, name: str, how: str = "") -> None:
    """Have the service add or remove a machine."""
    with contextlib.closing(connect(address=bus.address, prefer="jeepney")) as other:
        other.call(DESTINATION, PATH, INTERFACE, method, "ss", (name, how))


def test_what_is_there_comes_with_its_time_and_what_comes_and_goes_once(
    private_bus: PrivateBus, reader: Reader
) -> None:
    private_bus.serve("machine1")
    reader.begin()
    reader.until("+x")
    assert reader.at == [TIMESTAMP * 1000]
    machined(private_bus, "Add", "rkt-y")
    machined(private_bus, "Add", "a-virtual-machine")
    machined(private_bus, "Remove", "rkt-x")

    reader.until("+y", "-x")
    assert abs(reader.at[-1] - time.time_ns()) < PATIENCE * 1e9


def test_machined_may_begin_later_and_again(private_bus: PrivateBus, reader: Reader) -> None:
    """What happens while nobody hears of it is told when machined can be asked."""
    reader.begin()
    private_bus.serve("machine1")
    reader.until("+x")
    machined(private_bus, "Add", "rkt-y")
    reader.until("+y")
    private_bus.end("machine1")
    private_bus.serve("machine1")
    reader.until("-y")
    machined(private_bus, "Remove", "rkt-x")
    reader.until("-x")


def test_nobody_but_machined_is_believed(private_bus: PrivateBus, reader: Reader) -> None:
    private_bus.serve("machine1")
    reader.begin()
    reader.until("+x")
    at = DBusAddress(PATH, interface=INTERFACE)
    with contextlib.closing(open_dbus_connection(private_bus.address)) as stranger:
        for number in range(1, 20):  # unique names are numbered
            forged = new_signal(at, "MachineNew", "so", ("rkt-forged", "/m/1"))
            forged.header.fields[HeaderFields.destination] = f":1.{number}"
            stranger.send(forged)
            empty = new_signal(at, "MachineRemoved")
            empty.header.fields[HeaderFields.destination] = f":1.{number}"
            stranger.send(empty)
        stranger.send(new_signal(at, "MachineNew", "so", ("rkt-forged", "/m/1")))
        machined(private_bus, "Add", "rkt-y")
        reader.until("+y")


def test_a_bus_that_ends_again_at_once_is_not_back(
    private_bus: PrivateBus, reader: Reader, capfd: pytest.CaptureFixture[str]
) -> None:
    reader.begin()
    private_bus.stop()
    reader.wait(lambda: len(reader.dialled) > 1)
    private_bus.start()
    reader.when_dialled = private_bus.stop
    dialled = len(reader.dialled)
    reader.wait(lambda: len(reader.dialled) > dialled + 1)

    assert "the message bus is back" not in capfd.readouterr().err


def test_the_bus_may_end_and_come_back(
    private_bus: PrivateBus, reader: Reader, capfd: pytest.CaptureFixture[str]
) -> None:
    private_bus.serve("machine1")
    reader.begin()
    reader.until("+x")
    machined(private_bus, "Add", "rkt-y")
    reader.until("+y")
    private_bus.stop()
    reader.wait(lambda: len(reader.dialled) > 2)
    lost = capfd.readouterr().err
    private_bus.start()
    private_bus.serve("machine1")
    reader.until("-y")
    back = capfd.readouterr().err

    assert lost.count("\n") == 1
    assert "the message bus hung up" in lost
    assert "is back" in back


def test_a_bus_that_is_not_there_is_dialled_ever_more_rarely(
    private_bus: PrivateBus, reader: Reader
) -> None:
    private_bus.stop()
    reader.begin()
    reader.wait(lambda: len(reader.dialled) > 5)

    gaps = [then - first for first, then in pairwise(reader.dialled)]
    assert all(gap >= FIRST_PAUSE * 2**number for number, gap in enumerate(gaps[:5]))


def test_without_a_library_nobody_is_dialled_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def dial() -> Bus:
        raise BusError("no D-Bus library is installed", name=NOT_SUPPORTED)

    readiness = Readiness()
    with Registrations(readiness, changed=lambda: None, dial=dial) as watch:
        watch.begin()

    assert readiness.patience() is None
    assert "no D-Bus library" in capfd.readouterr().err


def test_a_machined_that_is_silent_is_heard_and_asked_again_when_it_speaks(
    private_bus: PrivateBus, reader: Reader, capfd: pytest.CaptureFixture[str]
) -> None:
    private_bus.serve("machine1")
    machined(private_bus, "Add", "deaf", "quietly")
    reader.begin()
    assert not reader.watch.settled()
    reader.wait(reader.watch.settled)
    assert reader.told == []
    said = capfd.readouterr().err
    machined(private_bus, "Remove", "deaf", "quietly")
    machined(private_bus, "Add", "rkt-y")

    reader.until("+y", "+x")
    assert said.count("\n") == 1
    assert "machine1: no answer within 5 s" in said
    assert len(reader.dialled) == 1


def test_nobody_waits_for_a_machined_that_hangs_and_its_late_answer_counts(
    private_bus: PrivateBus, reader: Reader
) -> None:
    """All that has to be done meanwhile is done, and takes no time."""
    service = private_bus.serve("machine1")
    machined(private_bus, "Add", "rkt-y", "quietly")
    service.send_signal(signal.SIGSTOP)
    try:
        reader.begin()
        done: list[bool] = []
        reader.readiness.after(0, lambda: done.append(True))
        reader.wait(lambda: bool(done))
        begun_unsettled = not reader.watch.settled()
        reader.wait(reader.watch.settled)
    finally:
        service.send_signal(signal.SIGCONT)
    reader.until("+x", "+y")

    assert begun_unsettled
    assert reader.at == [TIMESTAMP * 1000] * 2


def test_a_machined_that_dies_instead_of_answering_is_asked_again(
    private_bus: PrivateBus, reader: Reader
) -> None:
    service = private_bus.serve("machine1")
    service.send_signal(signal.SIGSTOP)
    reader.begin()
    private_bus.end("machine1")
    reader.wait(reader.watch.settled)
    private_bus.serve("machine1")

    reader.until("+x")
