"""Asking systemd, on its own socket, which command of a unit we are; jeepney reads and answers."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from jeepney import HeaderFields, Message, Parser, new_error, new_method_return

from rktpy.systemd.commands import Question, count_commands, unit_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

UNIT = "web@1.service"
PATH = "/org/freedesktop/systemd1/unit/web_401_2eservice"
ME = 4711
NAMES = ("ControlPID", "Type", "ExecStart")


def commands(count: int) -> tuple[str, list[tuple[object, ...]]]:
    one = ("/bin/sh", ["/bin/sh", "-c", "exit " + "0" * count], False, 1, 2, 3, 4, 5, 6, 7)
    return "a(sasbttttuii)", [one] * count


class Systemd:
    """Lets one peer in and answers as sd-bus does, in pieces; what it was asked is in ``calls``."""

    def __init__(self, path: str, values: Mapping[str, tuple[str, object]]) -> None:
        self.calls: list[Message] = []
        self._values = values
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(path)
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        peer, _ = self._listening.accept()
        # Who has heard enough hangs up.
        with peer, self._listening, suppress(ConnectionError):
            data = b""
            while b"BEGIN\r\n" not in data:
                data += peer.recv(4096)
            head, _, rest = data.partition(b"BEGIN\r\n")
            assert head == f"\0AUTH EXTERNAL {str(os.getuid()).encode().hex()}\r\n".encode()
            peer.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            parser = Parser()
            while True:
                parser.add_data(rest)
                while (call := parser.get_next_message()) is not None:
                    self.calls.append(call)
                    answer = self._answer(call).serialise(len(self.calls))
                    peer.sendall(answer[:20])
                    peer.sendall(answer[20:])
                rest = peer.recv(4096)
                if not rest:
                    return

    def _answer(self, call: Message) -> Message:
        name = call.body[1]
        if name not in self._values:
            return new_error(call, "org.freedesktop.DBus.Error.UnknownProperty", "s", ("No.",))
        return new_method_return(call, "v", (self._values[name],))

    def join(self) -> None:
        self._thread.join(10)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "private")


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"ControlPID": ("u", ME), "Type": ("s", "notify")}, "yes"),
        ({"ControlPID": ("u", 0), "Type": ("s", "notify")}, "no"),
        ({"ControlPID": ("u", ME + 1), "Type": ("s", "simple")}, "no"),
        ({"ControlPID": ("u", 0), "Type": ("s", "oneshot"), "ExecStart": commands(1)}, "no"),
        ({"ControlPID": ("u", 0), "Type": ("s", "oneshot"), "ExecStart": commands(2)}, "yes"),
        ({"ControlPID": ("u", 0), "Type": ("s", "oneshot"), "ExecStart": ("s", "x")}, "no"),
        ({"ControlPID": ("u", 0)}, "no"),
        ({}, "no"),
    ],
)
def test_the_manager_says_whether_more_is_started(
    address: str, values: Mapping[str, tuple[str, object]], answer: str
) -> None:
    systemd = Systemd(address, values)
    with Question(UNIT, address) as question:
        found = question.others_follow(ME)
    systemd.join()

    assert found is (answer == "yes")
    asked = [call.body for call in systemd.calls]
    assert asked == [("org.freedesktop.systemd1.Service", name) for name in NAMES[: len(asked)]]
    fields = systemd.calls[0].header.fields
    assert fields[HeaderFields.path] == PATH == unit_path(UNIT)
    assert fields[HeaderFields.interface] == "org.freedesktop.DBus.Properties"
    assert fields[HeaderFields.member] == "Get"


@pytest.mark.parametrize("greeting", [b"REJECTED EXTERNAL\r\n", b"\r\n", b"", b"OK\r\n" * 9])
def test_a_socket_that_does_not_let_us_in_is_a_no(address: str, greeting: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(address)
        listening.listen()
        with Question(UNIT, address) as question:
            peer, _ = listening.accept()
            with peer:
                peer.sendall(greeting)
            assert not question.others_follow(ME)


@pytest.mark.parametrize("unit", ["", "session-1.scope", UNIT])
def test_where_nobody_can_be_asked_it_is_a_no(address: str, unit: str) -> None:
    with Question(unit, address) as question:
        assert not question.others_follow(ME)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_commands_are_counted(count: int) -> None:
    kind, value = commands(count)
    reply = new_method_return(_call(), "v", ((kind, value),)).serialise(1)
    body = reply[len(reply) - int.from_bytes(reply[4:8], "little") :]

    assert count_commands(body) == count


def test_what_is_no_list_of_commands_is_refused() -> None:
    with pytest.raises(ValueError, match="no list of commands"):
        count_commands(b"\x01u\0\0\x05\0\0\0")


def _call() -> Message:
    from jeepney import DBusAddress, new_method_call

    call = new_method_call(DBusAddress("/a", bus_name="a.b", interface="a.b"), "Get", "", ())
    parser = Parser()
    parser.add_data(call.serialise(1))
    message = parser.get_next_message()
    assert message is not None
    return message
