"""The port ``Bus`` over jeepney's messages and a socket of our own.

jeepney's own blocking connection waits without limit for the reply to its greeting, and costs
20 ms more to import, so only its message layer is used.
"""

from __future__ import annotations

import socket
import time

from jeepney import DBusAddress, HeaderFields, Message, MessageType, Parser, new_method_call
from jeepney.auth import BEGIN, AuthenticationError, Authenticator

from rktpy.systemd.bus import (
    AUTH_FAILED,
    BUS_NAME,
    BUS_PATH,
    CALL_TIMEOUT,
    DISCONNECTED,
    NO_SERVER,
    BusError,
    BusTimeoutError,
    Questions,
    Reply,
    Signal,
    Variant,
    socket_names,
    split_signature,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rktpy.systemd.bus import Bus, Wanted

_CHUNK = 1 << 16
_CHUNKS = 16  # at once: a flood must not keep us from everything else


def connect_jeepney(address: str, timeout: float) -> Bus:
    """Connect within ``timeout`` seconds; see ``rktpy.systemd.bus.connect``."""
    deadline = time.monotonic() + timeout
    names = socket_names(address)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bus = JeepneyBus(sock)
    try:
        _open(sock, names, deadline)
        bus.call(BUS_NAME, BUS_PATH, BUS_NAME, "Hello", timeout=_left(deadline))
    except TimeoutError as error:
        bus.close()
        raise BusTimeoutError(f"message bus at {names[0]}", timeout) from error
    except BusTimeoutError as error:
        bus.close()
        raise BusTimeoutError(f"message bus at {names[0]}", timeout) from error
    except BaseException:
        bus.close()
        raise
    return bus


def _open(sock: socket.socket, names: list[str], deadline: float) -> None:
    failure: OSError | None = None
    for name in names:
        try:
            sock.settimeout(_left(deadline))
            sock.connect(name)
            break
        except TimeoutError:
            raise
        except OSError as error:
            failure = error
    else:
        raise BusError(
            f"cannot connect to the message bus at {names[0]}", name=NO_SERVER
        ) from failure
    try:
        _authenticate(sock, deadline)
    except AuthenticationError as error:
        text = f"the message bus at {names[0]} refuses us"
        raise BusError(text, name=AUTH_FAILED) from error
    except (ConnectionError, ValueError) as error:
        text = f"the message bus at {names[0]} hung up"
        raise BusError(text, name=DISCONNECTED) from error


def _authenticate(sock: socket.socket, deadline: float) -> None:
    authenticator = Authenticator()
    for request in authenticator:
        sock.settimeout(_left(deadline))
        sock.sendall(request)
        answer = sock.recv(1024)
        if not answer:
            raise ConnectionResetError("end of file")
        authenticator.feed(answer)
    sock.sendall(BEGIN)


class JeepneyBus(Questions):
    """``Bus`` over an authenticated socket, which it owns."""

    __slots__ = ("_kept", "_parser", "_sent", "_serial", "_sock", "_wanted")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._parser = Parser()
        self._serial = 0
        self._wanted: list[Wanted] = []
        self._kept: list[Signal | Reply] = []
        self._sent: set[int] = set()  # what nobody waits for

    def call(
        self,
        destination: str,
        path: str,
        interface: str,
        method: str,
        signature: str = "",
        args: Sequence[object] = (),
        *,
        timeout: float = CALL_TIMEOUT,
    ) -> tuple[Any, ...]:
        """See ``rktpy.systemd.bus.Bus``."""
        message = _asking(destination, path, interface, method, signature, args)
        try:
            reply = self._exchange(message, time.monotonic() + timeout)
        except TimeoutError as error:
            raise BusTimeoutError(f"{interface}.{method}", timeout) from error
        except OSError as error:
            text = f"{interface}.{method}: the message bus hung up"
            raise BusError(text, name=DISCONNECTED) from error
        if reply.header.message_type is MessageType.error:
            raise _refusal(reply)
        return _body(reply)

    def send(
        self,
        destination: str,
        path: str,
        interface: str,
        method: str,
        signature: str = "",
        args: Sequence[object] = (),
    ) -> int:
        """See ``rktpy.systemd.bus.Bus``."""
        message = _asking(destination, path, interface, method, signature, args)
        self._serial += 1
        data = message.serialise(serial=self._serial)
        what = f"{interface}.{method}"
        try:
            self._sock.settimeout(0)
            whole = self._sock.send(data) == len(data)
        except BlockingIOError:
            whole = False
        except OSError as error:
            raise BusError(f"{what}: the message bus hung up", name=DISCONNECTED) from error
        if not whole:  # half a message: nothing can follow it
            raise BusError(f"{what}: the message bus does not listen", name=DISCONNECTED)
        self._sent.add(self._serial)
        return self._serial

    def subscribe(self, wanted: Wanted, *, timeout: float = CALL_TIMEOUT) -> None:
        """See ``rktpy.systemd.bus.Bus``."""
        self._wanted.append(wanted)
        rule = (wanted.rule(),)
        self.call(BUS_NAME, BUS_PATH, BUS_NAME, "AddMatch", "s", rule, timeout=timeout)

    def received(self) -> list[Signal | Reply]:
        """See ``rktpy.systemd.bus.Bus``."""
        hung_up = self._read()
        while (message := self._parser.get_next_message()) is not None:
            self._keep(message)
        kept, self._kept = self._kept, []
        if hung_up is not None and not kept:
            raise BusError("the message bus hung up", name=DISCONNECTED) from hung_up
        return kept

    def fileno(self) -> int:
        """See ``rktpy.systemd.bus.Bus``."""
        return self._sock.fileno()

    def close(self) -> None:
        """See ``rktpy.systemd.bus.Bus``."""
        self._sock.close()

    def _exchange(self, message: Message, deadline: float) -> Message:
        self._serial += 1
        self._sock.settimeout(_left(deadline))
        self._sock.sendall(message.serialise(serial=self._serial))
        while True:
            reply = self._parser.get_next_message()
            if reply is None:
                self._sock.settimeout(_left(deadline))
                data = self._sock.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError("end of file")
                self._parser.add_data(data)
            elif reply.header.fields.get(HeaderFields.reply_serial) == self._serial:
                return reply
            else:
                self._keep(reply)

    def _read(self) -> OSError | None:
        """Read what has come, within limits; return why there will not be more, if so."""
        try:
            self._sock.settimeout(0)
            for _ in range(_CHUNKS):
                data = self._sock.recv(_CHUNK)
                if not data:
                    return ConnectionResetError("end of file")
                self._parser.add_data(data)
        except BlockingIOError:
            return None
        except OSError as error:
            return error
        return None

    def _keep(self, message: Message) -> None:
        """Keep what is wanted. Other signals, and replies to calls given up, are dropped."""
        if message.header.message_type is not MessageType.signal:
            self._keep_reply(message)
            return
        fields = message.header.fields
        names = (HeaderFields.sender, HeaderFields.path, HeaderFields.interface)
        sender, path, interface = (str(fields.get(name, "")) for name in names)
        member = str(fields.get(HeaderFields.member, ""))
        signal = Signal(sender, path, interface, member, _body(message))
        if any(wanted.fits(signal) for wanted in self._wanted):
            self._kept.append(signal)

    def _keep_reply(self, message: Message) -> None:
        number = message.header.fields.get(HeaderFields.reply_serial)
        if number not in self._sent:
            return
        self._sent.discard(number)
        if message.header.message_type is MessageType.error:
            self._kept.append(Reply(number, error=_refusal(message)))
        else:
            self._kept.append(Reply(number, _body(message)))


def _asking(
    destination: str,
    path: str,
    interface: str,
    method: str,
    signature: str,
    args: Sequence[object],
) -> Message:
    address = DBusAddress(path, bus_name=destination, interface=interface)
    body = tuple(_wire(arg) for arg in args)
    return new_method_call(address, method, signature or None, body)


def _refusal(reply: Message) -> BusError:
    name = str(reply.header.fields.get(HeaderFields.error_name, ""))
    words = reply.body[0] if reply.body and isinstance(reply.body[0], str) else name
    return BusError(words, name=name)


def _body(message: Message) -> tuple[Any, ...]:
    kinds = split_signature(message.header.fields.get(HeaderFields.signature, ""))
    return tuple(_plain(kind, value) for kind, value in zip(kinds, message.body, strict=True))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _wire(value: object) -> object:
    """Return ``value`` with each ``Variant`` as jeepney takes it."""
    if isinstance(value, Variant):
        return (value.signature, _wire(value.value))
    if isinstance(value, list | tuple):
        return type(value)(_wire(item) for item in value)
    if isinstance(value, dict):
        return {key: _wire(item) for key, item in value.items()}
    return value


def _plain(kind: str, value: Any, *, inside: bool = False) -> Any:  # noqa: ANN401 - any D-Bus type
    if kind == "v":
        return _plain(value[0], value[1], inside=True)
    if kind == "ay":
        return list(value) if inside else bytes(value)
    if kind.startswith("a{"):
        key, item = split_signature(kind[2:-1])
        return {
            _plain(key, k, inside=inside): _plain(item, v, inside=inside) for k, v in value.items()
        }
    if kind.startswith("a"):
        return [_plain(kind[1:], item, inside=inside) for item in value]
    if kind.startswith("("):
        pairs = zip(split_signature(kind[1:-1]), value, strict=True)
        return tuple(_plain(item, v, inside=inside) for item, v in pairs)
    return value
