"""Which command of a unit this process is, asked of systemd while there is other work to do.

``ExecStart=`` and ``ExecStartPre=`` look the same from inside: one control group, one environment.
Only the manager knows. It listens on a socket of its own, without a message bus, and 200 bytes are
all there is to say, so the message is put together here: any library takes longer to import than
the answer to arrive (D-Bus specification, "Message Protocol" and "Authentication Protocol").
"""

from __future__ import annotations

import os

from rktpy.log import Logger
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Sequence

ADDRESS = "/run/systemd/private"
_SERVICE = "org.freedesktop.systemd1.Service"
_GET = (
    (1, "o", ""),
    (2, "s", "org.freedesktop.DBus.Properties"),
    (3, "s", "Get"),
)
_PATIENCE = 5.0  # seconds; systemd answers within one turn of its loop
_LIMIT = 1 << 20  # bytes that an answer may have
_CALL, _RETURN = 1, 2
_CONTROL, _TYPE, _START = 1, 2, 3  # serial numbers of the questions
_log = Logger("stage0")


class Question(Resource):
    """A question on its way; nothing is asked of ``unit`` "". Failing to ask it is no error."""

    __slots__ = ("_data", "_path", "_socket")

    def __init__(self, unit: str, address: str = ADDRESS) -> None:
        """Send it; returns at once."""
        self._data = b""
        self._path = unit_path(unit)
        self._socket: socket | None = None
        if not unit.endswith(".service"):
            return
        import _socket

        try:
            self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            self._socket.settimeout(_PATIENCE)
            self._socket.connect(address)
            uid = str(os.getuid()).encode().hex()
            hello = f"\0AUTH EXTERNAL {uid}\r\nBEGIN\r\n".encode()
            self._socket.sendall(
                hello + self._get(_CONTROL, "ControlPID") + self._get(_TYPE, "Type")
            )
        except OSError as error:
            _log.debug("cannot ask systemd which command of %s this is: %s", unit, error)
            self.close()

    def others_follow(self, pid: int) -> bool:
        """Return whether systemd will start more in the control group of ``pid``, the main process
        of the unit or a control process, once that has ended. In doubt it will not.
        """
        if self._socket is None:
            return False
        try:
            self._skip_greeting()
            control, kind = self._answer(_CONTROL), self._answer(_TYPE)
            if control[-4:] == pid.to_bytes(4, "little"):
                return True
            if not kind.endswith(b"\0oneshot\0"):
                return False
            self._socket.sendall(self._get(_START, "ExecStart"))
            return count_commands(self._answer(_START)) > 1
        except (OSError, ValueError) as error:
            _log.debug("systemd does not say which command of the unit this is: %s", error)
            return False

    def close(self) -> None:
        """Hang up; twice is fine."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _get(self, serial: int, name: str) -> bytes:
        return message(serial, self._path, (_SERVICE, name))

    def _skip_greeting(self) -> None:
        """Read the line in which systemd lets us in."""
        while b"\r\n" not in self._data:
            self._receive()
        line, _, self._data = self._data.partition(b"\r\n")
        if not line.startswith(b"OK "):
            raise ValueError(f"refused: {line!r}")

    def _answer(self, serial: int) -> bytes:
        """Return the body of the answer to the question ``serial``."""
        while True:
            while len(self._data) < 16:
                self._receive()
            head = self._data
            size = 16 + _padded(_number(head, 12)) + _number(head, 4)
            if head[:1] != b"l" or size > _LIMIT:
                raise ValueError("not an answer of systemd")
            while len(self._data) < size:
                self._receive()
            whole, self._data = self._data[:size], self._data[size:]
            if b"\x05\x01u\0" + serial.to_bytes(4, "little") not in whole[16:]:
                continue  # a signal
            if whole[1] != _RETURN:
                raise ValueError("systemd refuses")
            return whole[size - _number(head, 4) :]

    def _receive(self) -> None:
        data = self._socket.recv(1 << 16) if self._socket is not None else b""
        if not data:
            raise ConnectionResetError("end of file")
        self._data += data


def unit_path(unit: str) -> str:
    """Return the object path of ``unit``, in which only letters and digits stand for themselves."""
    out = []
    for index, byte in enumerate(unit.encode()):
        char = chr(byte)
        plain = char.isascii() and char.isalnum() and not (index == 0 and char.isdigit())
        out.append(char if plain else f"_{byte:02x}")
    return "/org/freedesktop/systemd1/unit/" + "".join(out)


def message(serial: int, path: str, words: Sequence[str]) -> bytes:
    """Return the call ``Get`` of the object ``path`` with the strings ``words``."""
    body = b""
    for word in words:
        body = _aligned(body, 4) + _string(word)
    fields = b""
    for code, kind, text in (*_GET, (8, "g", "s" * len(words))):
        fields = _aligned(fields, 8) + bytes((code, 1)) + kind.encode() + b"\0"
        value = text or path
        if kind == "g":
            fields += bytes((len(value),)) + value.encode() + b"\0"
        else:
            fields += _string(value)
    head = bytes((ord("l"), _CALL, 0, 1)) + _u32(len(body)) + _u32(serial) + _u32(len(fields))
    return _aligned(head + fields, 8) + body


def count_commands(body: bytes) -> int:
    """Return how many commands there are in the property ``ExecStart``, a(sasbttttuii).

    Raises:
        ValueError: it is something else.
    """
    kind = b"a(sasbttttuii)"
    if body[: len(kind) + 2] != bytes((len(kind),)) + kind + b"\0":
        raise ValueError("no list of commands")
    place = -(-(len(kind) + 2) // 4) * 4
    end = _padded(place + 4) + _number(body, place)
    place = _padded(place + 4)
    count = 0
    while place < end <= len(body):
        count += 1
        place = _after_string(body, place)
        place = -(-place // 4) * 4
        place += 4 + _number(body, place)  # the array of arguments
        place = -(-place // 4) * 4 + 4  # the boolean
        place = _padded(_padded(place) + 4 * 8 + 3 * 4)
    return count


def _after_string(data: bytes, place: int) -> int:
    return place + 4 + _number(data, place) + 1


def _string(text: str) -> bytes:
    data = text.encode()
    return _u32(len(data)) + data + b"\0"


def _aligned(data: bytes, size: int) -> bytes:
    return data + bytes(-len(data) % size)


def _padded(length: int) -> int:
    return -(-length // 8) * 8


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _number(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "little")
