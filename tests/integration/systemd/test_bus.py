"""The bus port: one contract, both back ends, a real dbus-daemon."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from jeepney import DBusAddress, HeaderFields, new_signal
from jeepney.io.blocking import open_dbus_connection

from rktpy.systemd.bus import (
    AUTH_FAILED,
    BUS_NAME,
    BUS_PATH,
    DISCONNECTED,
    NO_SERVER,
    SERVICE_UNKNOWN,
    UNKNOWN_METHOD,
    BusError,
    BusTimeoutError,
    Reply,
    Signal,
    Variant,
    Wanted,
    connect,
    owner_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rktpy.systemd.bus import Bus
    from tests.integration.systemd.conftest import PrivateBus

pytestmark = pytest.mark.integration

# Seconds that only what waits for ever takes: what it is asked to wait is a fraction of one.
_HANGING = 20.0
NAME, PATH = "org.example.Fake", "/org/example/Fake"
HEARD = Wanted(NAME, PATH, NAME, "Heard")
OWNERS = Wanted(BUS_NAME, BUS_PATH, BUS_NAME, "NameOwnerChanged", first=NAME)


class BusContract:
    """What ``rktpy.systemd.bus.Bus`` promises, whoever fulfils it."""

    backend = ""

    @pytest.fixture
    def bus(self, private_bus: PrivateBus) -> Iterator[Bus]:
        private_bus.serve("example")
        bus = connect(address=private_bus.address, prefer=self.backend)
        assert self.backend in type(bus).__module__
        yield bus
        bus.close()

    @pytest.fixture
    def other(self, private_bus: PrivateBus, bus: Bus) -> Iterator[Bus]:
        """A second guest on the bus of ``bus``."""
        other = connect(address=private_bus.address, prefer="jeepney")
        yield other
        other.close()

    @pytest.mark.parametrize(
        ("method", "signature", "args", "reply"),
        [
            ("Nothing", "", (), ()),
            ("Echo", "s", ("grüß",), ("grüß",)),
            ("Bytes", "ay", (b"\0\xff",), (b"\0\xff",)),
            ("Two", "", (), ("a", 1)),
            ("Pair", "", (), (("a", 1),)),
            ("Rows", "", (), ([("x", True), ("y", False)],)),
            ("Many", "", (), ({"a": 7, "b": [1, 2], "c": "x"},)),
            (
                "Keys",
                "a(sv)",
                ([("k", Variant("as", ["x"])), ("l", Variant("t", 1))],),
                (["k", "l"],),
            ),
        ],
    )
    def test_values_come_back_plain(
        self, bus: Bus, method: str, signature: str, args: tuple[object, ...], reply: object
    ) -> None:
        assert bus.call(NAME, PATH, NAME, method, signature, args) == reply

    def test_a_property_is_unwrapped(self, bus: Bus) -> None:
        assert bus.get_property(NAME, PATH, NAME, "Anything") == "value"

    def test_an_error_keeps_its_name_and_words(self, bus: Bus) -> None:
        with pytest.raises(BusError, match=r"^it is broken$") as caught:
            bus.call(NAME, PATH, NAME, "Refuse")
        assert caught.value.name == "org.example.Error.Broken"

    def test_an_unknown_method_is_an_error(self, bus: Bus) -> None:
        with pytest.raises(BusError) as caught:
            bus.call(NAME, PATH, NAME, "Missing")
        assert caught.value.name == UNKNOWN_METHOD

    def test_an_unknown_service_is_an_error(self, bus: Bus) -> None:
        with pytest.raises(BusError) as caught:
            bus.call("org.example.Nobody", PATH, NAME, "Echo", "s", ("x",))
        assert caught.value.name == SERVICE_UNKNOWN

    def test_a_call_that_hangs_ends_in_time_and_the_next_one_works(self, bus: Bus) -> None:
        begin = time.monotonic()
        with pytest.raises(
            BusTimeoutError, match=r"org\.example\.Fake\.Hang: no answer within 0\.3 s"
        ):
            bus.call(NAME, PATH, NAME, "Hang", timeout=0.3)
        assert 0.2 < time.monotonic() - begin < _HANGING
        assert bus.call(NAME, PATH, NAME, "Echo", "s", ("x",)) == ("x",)

    def test_a_bus_that_dies_is_an_error(self, bus: Bus, private_bus: PrivateBus) -> None:
        private_bus.daemon.kill()
        private_bus.daemon.wait()
        with pytest.raises(BusError):
            bus.call(NAME, PATH, NAME, "Echo", "s", ("x",), timeout=_HANGING)

    def test_owners_and_activatable_names_are_told_apart(
        self, bus: Bus, private_bus: PrivateBus
    ) -> None:
        private_bus.activatable("org.example.Later", "/bin/false")
        assert bus.name_has_owner(NAME)
        assert not bus.name_has_owner("org.example.Later")
        until(lambda: "org.example.Later" in bus.names_activatable())
        assert NAME not in bus.names_activatable()

    def test_a_signal_wakes_who_waits_and_is_taken_once(self, bus: Bus, other: Bus) -> None:
        bus.subscribe(HEARD)
        bus.received()
        assert not select.select([bus], [], [], 0)[0]
        shout(other, "Heard", "hello")
        (found,) = heard(bus, 1)

        assert found == Signal(owner_of(bus, NAME), PATH, NAME, "Heard", ("hello",))
        assert bus.received() == []
        assert not select.select([bus], [], [], 0)[0]

    def test_only_what_was_subscribed_to_is_kept(self, bus: Bus, other: Bus) -> None:
        bus.subscribe(HEARD.replace(first="me"))
        bus.subscribe(HEARD.replace(member="Last"))
        for member, word in (("Heard", "you"), ("Else", "me"), ("Heard", "me"), ("Last", "")):
            shout(other, member, word)

        assert [each.args[0] for each in heard(bus, 2)] == ["me", ""]

    def test_signals_that_come_during_a_call_are_kept(self, bus: Bus) -> None:
        bus.subscribe(HEARD)
        for word in ("one", "two"):
            shout(bus, "Heard", word)

        assert [each.args for each in heard(bus, 2)] == [("one",), ("two",)]

    def test_a_signal_of_somebody_else_has_his_name(
        self, bus: Bus, private_bus: PrivateBus
    ) -> None:
        """Sent straight to us, it passes whatever we subscribed to."""
        bus.subscribe(HEARD.replace(first="forged"))
        bus.call(BUS_NAME, BUS_PATH, BUS_NAME, "RequestName", "su", ("org.example.Reader", 0))
        with contextlib.closing(open_dbus_connection(private_bus.address)) as stranger:
            for word in ("another", "forged"):
                forged = new_signal(DBusAddress(PATH, interface=NAME), "Heard", "s", (word,))
                forged.header.fields[HeaderFields.destination] = "org.example.Reader"
                stranger.send(forged)
            (found,) = heard(bus, 1)

            assert (found.sender, found.args) == (stranger.unique_name, ("forged",))
            assert found.sender != owner_of(bus, NAME)

    def test_owners_that_come_and_go_are_signals_of_the_bus(
        self, bus: Bus, private_bus: PrivateBus
    ) -> None:
        bus.subscribe(OWNERS)
        bus.subscribe(HEARD)
        before = owner_of(bus, NAME)
        private_bus.end("example")
        gone = heard(bus, 1)
        assert owner_of(bus, NAME) == ""
        private_bus.serve("example")
        come = heard(bus, 1)
        shout(bus, "Heard", "of the next owner")
        (found,) = heard(bus, 1)

        assert [(each.sender, each.args) for each in gone + come] == [
            (BUS_NAME, (NAME, before, "")),
            (BUS_NAME, (NAME, "", found.sender)),
        ]

    def test_what_came_before_the_bus_died_is_still_told(
        self, bus: Bus, other: Bus, private_bus: PrivateBus
    ) -> None:
        bus.subscribe(HEARD)
        for word in ("one", "two"):
            shout(other, "Heard", word)
        private_bus.daemon.kill()
        private_bus.daemon.wait()
        found = heard(bus, 2)
        with pytest.raises(BusError) as caught:
            heard(bus, 1)

        assert [each.args for each in found] == [("one",), ("two",)]
        assert caught.value.name == DISCONNECTED

    def test_the_end_of_the_bus_wakes_who_waits(self, bus: Bus, private_bus: PrivateBus) -> None:
        bus.subscribe(HEARD)
        assert bus.received() == []
        private_bus.daemon.kill()

        assert select.select([bus], [], [], _HANGING)[0]
        with pytest.raises(BusError):
            heard(bus, 1)

    def test_a_subscription_that_is_not_answered_ends_in_time(
        self, bus: Bus, private_bus: PrivateBus
    ) -> None:
        private_bus.daemon.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(BusTimeoutError):
                bus.subscribe(HEARD, timeout=0.3)
            assert bus.received() == []
        finally:
            private_bus.daemon.send_signal(signal.SIGCONT)

    def test_a_flood_is_told_whole_and_in_order(self, bus: Bus, other: Bus) -> None:
        bus.subscribe(HEARD)
        words = [f"{number}" * 20_000 for number in range(100)]
        for word in words:
            shout(other, "Heard", word)

        assert [each.args[0] for each in heard(bus, len(words))] == words

    def test_what_is_sent_is_not_waited_for_and_wakes_when_it_is_answered(
        self, bus: Bus, private_bus: PrivateBus
    ) -> None:
        """Also while the one who was asked is stopped; a call beside it has its own reply."""
        bus.received()
        service = private_bus.serving("example")
        service.send_signal(signal.SIGSTOP)
        try:
            number = bus.send(NAME, PATH, NAME, "Echo", "s", ("grüß",))
            assert bus.name_has_owner(NAME)
            assert bus.received() == []
        finally:
            service.send_signal(signal.SIGCONT)

        assert received(bus, 1) == [Reply(number, ("grüß",))]
        assert bus.received() == []
        assert not select.select([bus], [], [], 0)[0]

    @pytest.mark.parametrize(
        ("method", "signature", "args", "values"),
        [
            ("Nothing", "", (), ()),
            ("Bytes", "ay", (b"\0\xff",), (b"\0\xff",)),
            ("Two", "", (), ("a", 1)),
            ("Rows", "", (), ([("x", True), ("y", False)],)),
            ("Keys", "a(sv)", ([("k", Variant("as", ["x"]))],), (["k"],)),
        ],
    )
    def test_values_that_were_not_waited_for_are_as_plain(
        self,
        bus: Bus,
        method: str,
        signature: str,
        args: tuple[object, ...],
        values: tuple[object, ...],
    ) -> None:
        number = bus.send(NAME, PATH, NAME, method, signature, args)
        assert received(bus, 1) == [Reply(number, values)]

    def test_a_refusal_that_was_not_waited_for_keeps_its_name_and_words(self, bus: Bus) -> None:
        numbers = [
            bus.send(NAME, PATH, NAME, "Refuse"),
            bus.send("org.example.Nobody", PATH, NAME, "Echo", "s", ("x",)),
        ]
        found = {each.number: each.error for each in received(bus, 2) if isinstance(each, Reply)}

        assert [str(getattr(found[number], "name", "")) for number in numbers] == [
            "org.example.Error.Broken",
            SERVICE_UNKNOWN,
        ]
        assert str(found[numbers[0]]) == "it is broken"

    def test_replies_and_signals_come_in_their_order(self, bus: Bus) -> None:
        """What was told before the reply was true before it. A call in between loses nothing."""
        bus.subscribe(HEARD)
        numbers = [bus.send(NAME, PATH, NAME, "Shout", "ss", ("Heard", word)) for word in "ab"]
        bus.call(NAME, PATH, NAME, "Echo", "s", ("x",))
        found = received(bus, 4)

        assert [each.number if isinstance(each, Reply) else each.args for each in found] == [
            ("a",), numbers[0], ("b",), numbers[1],
        ]  # fmt: skip

    def test_who_is_asked_and_dies_is_an_error(self, bus: Bus, private_bus: PrivateBus) -> None:
        number = bus.send(NAME, PATH, NAME, "Hang")
        private_bus.end("example")
        (reply,) = received(bus, 1)

        assert isinstance(reply, Reply)
        assert (reply.number, reply.values) == (number, ())
        assert isinstance(reply.error, BusError)

    def test_sending_to_a_bus_that_is_gone_is_an_error(
        self, bus: Bus, private_bus: PrivateBus
    ) -> None:
        private_bus.stop()
        with pytest.raises(BusError) as caught:
            until(lambda: not bus.send(NAME, PATH, NAME, "Nothing"))
        assert caught.value.name == DISCONNECTED

    def test_closing_twice_is_fine(self, bus: Bus) -> None:
        bus.close()
        bus.close()

    def test_a_missing_bus_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(BusError, match=rf"no message bus at {tmp_path}/none") as caught:
            connect(address=f"unix:path={tmp_path}/none", prefer=self.backend)
        assert caught.value.name == NO_SERVER

    def test_a_socket_that_nobody_listens_on_is_an_error(self, tmp_path: Path) -> None:
        socket_at(tmp_path).close()
        with pytest.raises(BusError, match=rf"cannot connect to the message bus at {tmp_path}/s"):
            connect(address=f"unix:path={tmp_path}/s", prefer=self.backend)

    def test_a_bus_that_never_answers_ends_in_time(self, tmp_path: Path) -> None:
        with socket_at(tmp_path) as listener:
            listener.listen()
            self._expect_timeout(tmp_path)

    def test_a_bus_that_never_greets_ends_in_time(self, tmp_path: Path) -> None:
        with listening(tmp_path, authenticate):
            self._expect_timeout(tmp_path)

    def test_a_bus_that_does_not_take_us_is_an_error(self, tmp_path: Path) -> None:
        def reject(peer: socket.socket) -> None:
            while peer.recv(999):
                peer.sendall(b"REJECTED KERBEROS\r\n")

        with (
            listening(tmp_path, reject),
            pytest.raises(BusError, match=rf"the message bus at {tmp_path}/s refuses us") as caught,
        ):
            connect(address=f"unix:path={tmp_path}/s", prefer=self.backend, timeout=_HANGING)
        assert caught.value.name == AUTH_FAILED

    def test_a_bus_that_hangs_up_is_an_error(self, tmp_path: Path) -> None:
        with (
            listening(tmp_path, lambda peer: peer.recv(1), close=True),
            pytest.raises(BusError, match=rf"the message bus at {tmp_path}/s hung up") as caught,
        ):
            connect(address=f"unix:path={tmp_path}/s", prefer=self.backend, timeout=_HANGING)
        assert caught.value.name == DISCONNECTED

    def test_nothing_stays_open(self, private_bus: PrivateBus) -> None:
        connect(address=private_bus.address, prefer=self.backend).close()  # imports, GLib's own
        before = open_files()
        for _ in range(3):
            bus = connect(address=private_bus.address, prefer=self.backend)
            bus.subscribe(HEARD)
            bus.close()
        until(lambda: open_files() <= before)

    def _expect_timeout(self, folder: Path) -> None:
        begin = time.monotonic()
        with pytest.raises(
            BusTimeoutError, match=rf"message bus at {folder}/s: no answer within 0\.5 s"
        ):
            connect(address=f"unix:path={folder}/s", prefer=self.backend, timeout=0.5)
        assert time.monotonic() - begin < _HANGING


class TestJeepney(BusContract):
    backend = "jeepney"


@pytest.mark.skipif(importlib.util.find_spec("gi") is None, reason="PyGObject is not installed")
@pytest.mark.filterwarnings("ignore:DynamicImporter:ImportWarning")  # gi's loader, Python 3.11
class TestPydbus(BusContract):
    backend = "pydbus"

    def test_it_is_what_is_used_unless_asked_otherwise(self, private_bus: PrivateBus) -> None:
        bus = connect(address=private_bus.address)
        bus.close()
        assert type(bus).__name__ == "PydbusBus"


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process or thread does."""
    deadline = time.monotonic() + _HANGING
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def heard(bus: Bus, count: int) -> list[Signal]:
    """Return the signals that were taken until there were ``count``, and no reply."""
    found = received(bus, count)
    signals = [each for each in found if isinstance(each, Signal)]
    assert signals == found
    return signals


def received(bus: Bus, count: int) -> list[Signal | Reply]:
    """Return what was taken until there was ``count`` of it."""
    found = bus.received()
    end = time.monotonic() + _HANGING
    while len(found) < count:
        assert time.monotonic() < end
        assert select.select([bus], [], [], _HANGING)[0], found
        found += bus.received()
    return found


def shout(bus: Bus, member: str, word: str) -> None:
    """Have the service on the bus send a signal."""
    bus.call(NAME, PATH, NAME, "Shout", "ss", (member, word))


def socket_at(folder: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "s"))
    return listener


def authenticate(peer: socket.socket) -> None:
    """Take everybody in (D-Bus specification, "Authentication Protocol"), then keep silent."""
    with peer.makefile("rb") as lines:
        for line in lines:
            words = line.lstrip(b"\0").split()
            if words[0] == b"BEGIN":
                return
            if words[0] == b"NEGOTIATE_UNIX_FD":
                peer.sendall(b"ERROR\r\n")
            elif words == [b"AUTH"]:
                peer.sendall(b"REJECTED EXTERNAL\r\n")
            else:
                peer.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")


class listening:  # noqa: N801 - reads as a statement
    """A server that treats its one guest as told, and keeps the line open unless ``close``."""

    def __init__(
        self, folder: Path, treat: Callable[[socket.socket], object], *, close: bool = False
    ) -> None:
        self._listener = socket_at(folder)
        self._listener.listen()
        self._treat = treat
        self._close = close
        self._peer: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        if self._peer is not None and self._peer.fileno() >= 0:
            self._peer.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        try:
            self._peer, _ = self._listener.accept()
            with self._peer:
                self._treat(self._peer)
                while not self._close and self._peer.recv(999):
                    pass
        except OSError:
            return
