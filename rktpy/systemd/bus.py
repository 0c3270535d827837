"""The system message bus, behind one small port.

Two back ends fulfil ``Bus``: pydbus where PyGObject is importable, and jeepney, pure Python,
where it is not or where 70 ms of imports and a worker thread matter (docs/adr/0002-start-up.md).
pydbus waits for ever if not told otherwise, so a timeout is part of every call here; both pass
the same contract tests against a private dbus-daemon.

Values: a reply is a tuple of plain values, variants unwrapped, ``ay`` as bytes (inside a variant
as a list of integers). An argument of type ``v`` is given as ``Variant``.

Signals, and replies to what was sent without waiting, are taken, not called back with: whoever
waits for several things at once polls ``fileno`` beside them. Anybody on a bus may send a signal
straight to us, whatever we asked for, so what a signal says holds only if its ``sender`` is who
should have said it. Replies come from who was asked: the bus sees to that.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.value import Value

CALL_TIMEOUT = 5.0  # seconds
SYSTEM_ADDRESS = "unix:path=/run/dbus/system_bus_socket"

BUS_NAME = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
PROPERTIES = "org.freedesktop.DBus.Properties"

# Error names of the D-Bus specification that callers tell apart, and that the back ends give
# to failures that have none.
NO_REPLY = "org.freedesktop.DBus.Error.NoReply"
NO_SERVER = "org.freedesktop.DBus.Error.NoServer"
DISCONNECTED = "org.freedesktop.DBus.Error.Disconnected"
AUTH_FAILED = "org.freedesktop.DBus.Error.AuthFailed"
UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
SERVICE_UNKNOWN = "org.freedesktop.DBus.Error.ServiceUnknown"
INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
NAME_HAS_NO_OWNER = "org.freedesktop.DBus.Error.NameHasNoOwner"
NOT_SUPPORTED = "org.freedesktop.DBus.Error.NotSupported"  # no library that speaks D-Bus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    class Bus(Protocol):
        """A connection to a message bus; the one who connected closes it.

        Everything raises ``BusError``: ``BusTimeoutError`` when no answer came in time.
        """

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
            """Call ``method`` with ``args`` of the D-Bus types ``signature``; return the reply."""

        def send(
            self,
            destination: str,
            path: str,
            interface: str,
            method: str,
            signature: str = "",
            args: Sequence[object] = (),
        ) -> int:
            """Call ``method``, and do not wait: ``received`` has the reply, whenever it comes.

            Return the number that the reply will bear. Whether it comes in time is the caller's
            to watch. One who sends more than the bus reads is refused as if it had hung up.
            """

        def get_property(
            self,
            destination: str,
            path: str,
            interface: str,
            name: str,
            *,
            timeout: float = CALL_TIMEOUT,
        ) -> Any:  # noqa: ANN401 - a property may be of any type
            """Return the property ``name``."""

        def name_has_owner(self, name: str, *, timeout: float = CALL_TIMEOUT) -> bool:
            """Return whether somebody is connected as ``name``."""

        def names_activatable(self, *, timeout: float = CALL_TIMEOUT) -> frozenset[str]:
            """Return the names that the bus can start somebody for."""

        def subscribe(self, wanted: Wanted, *, timeout: float = CALL_TIMEOUT) -> None:
            """Have ``wanted`` signals kept for ``received``, from now on."""

        def received(self) -> list[Signal | Reply]:
            """Return what has come of what was subscribed to and sent, in order, without waiting.

            What came before the bus hung up is returned first; then it raises.
            """

        def fileno(self) -> int:
            """Return a descriptor, the connection's, that is readable when ``received`` is worth a
            call. So it is after any other call: what came meanwhile does not show in it.
            """

        def close(self) -> None:
            """Disconnect; twice is fine."""


class Questions:
    """Base of both back ends: what ``Bus.call`` answers in the same way over each. Not pydbus's own
    attributes and ``get_name_owner``, which wait for ever.
    """

    __slots__ = ()

    def get_property(
        self: Bus,
        destination: str,
        path: str,
        interface: str,
        name: str,
        *,
        timeout: float = CALL_TIMEOUT,
    ) -> Any:  # noqa: ANN401 - a property may be of any type
        """See ``Bus``."""
        arguments = (interface, name)
        return self.call(destination, path, PROPERTIES, "Get", "ss", arguments, timeout=timeout)[0]

    def name_has_owner(self: Bus, name: str, *, timeout: float = CALL_TIMEOUT) -> bool:
        """See ``Bus``."""
        method = "NameHasOwner"
        return bool(
            self.call(BUS_NAME, BUS_PATH, BUS_NAME, method, "s", (name,), timeout=timeout)[0]
        )

    def names_activatable(self: Bus, *, timeout: float = CALL_TIMEOUT) -> frozenset[str]:
        """See ``Bus``."""
        reply = self.call(BUS_NAME, BUS_PATH, BUS_NAME, "ListActivatableNames", timeout=timeout)
        return frozenset(reply[0])


class Wanted(Value):
    """Signals to subscribe to: all of these must fit (D-Bus specification, "Match Rules").

    ``sender`` may be a well-known name: then those of each of its owners are sent to us. ``first``
    is the first argument, a string; "": any.
    """

    sender: str
    path: str
    interface: str
    member: str
    first: str = ""

    def rule(self) -> str:
        """Return it as the bus takes it."""
        words = {"type": "signal", "sender": self.sender, "path": self.path,
                 "interface": self.interface, "member": self.member}  # fmt: skip
        if self.first:
            words["arg0"] = self.first
        return ",".join(f"{key}='{value}'" for key, value in words.items())

    def fits(self, signal: Signal) -> bool:
        """Return whether ``signal`` is one; not by its sender, who is known by another name."""
        where = (signal.path, signal.interface, signal.member)
        if where != (self.path, self.interface, self.member):
            return False
        return not self.first or signal.args[:1] == (self.first,)


class Signal(Value):
    """A signal. ``sender`` is the unique name of who sent it, or ``BUS_NAME``: the bus says so."""

    sender: str
    path: str
    interface: str
    member: str
    args: tuple[object, ...]


class Reply(Value):
    """The reply to the message ``number``: its values, or why there are none."""

    number: int
    values: tuple[Any, ...] = ()
    error: BusError | None = None


class BusError(RktError):
    """The bus, or somebody on it, refused. ``name`` is the D-Bus error name."""

    def __init__(self, message: str, *, name: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name


class BusTimeoutError(BusError):
    """Nothing came back in time."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"{what}: no answer within {seconds:g} s", name=NO_REPLY)


class Variant(Value):
    """An argument of D-Bus type ``v``."""

    signature: str
    value: object


def connect(
    *, timeout: float = CALL_TIMEOUT, address: str | None = None, prefer: str | None = None
) -> Bus:
    """Connect to the bus at ``address`` (default: the system bus) within ``timeout`` seconds.

    ``prefer`` names the back end to try first, ``"pydbus"`` (the default) or ``"jeepney"``; the
    other one serves where that cannot be imported.

    Raises:
        BusError: nothing listens, it refuses us or does not answer; or no back end is installed.
    """
    where = address or SYSTEM_ADDRESS
    _require_socket(where)  # spares the imports where there is no bus at all
    order = ("jeepney", "pydbus") if prefer == "jeepney" else ("pydbus", "jeepney")
    missing: Exception | None = None
    for name in order:
        try:
            return _connect_with(name, where, timeout)
        except (ImportError, ValueError) as error:  # gi without Gio's description: ValueError
            missing = missing or error
    raise BusError(
        "no D-Bus library is installed", name=NOT_SUPPORTED, hint="pip install jeepney"
    ) from missing


def _connect_with(backend: str, address: str, timeout: float) -> Bus:
    if backend == "jeepney":
        from rktpy.systemd.bus_jeepney import connect_jeepney

        return connect_jeepney(address, timeout)
    from rktpy.systemd.bus_pydbus import connect_pydbus

    return connect_pydbus(address, timeout)


def socket_names(address: str) -> list[str]:
    r"""Return the sockets of a D-Bus address, in order; abstract ones begin with ``\0``.

    Raises:
        BusError: there is none; rktpy speaks over unix sockets only.
    """
    names = []
    for entry in address.split(";"):
        transport, _, options = entry.partition(":")
        for option in options.split(",") if transport == "unix" else ():
            key, _, value = option.partition("=")
            if key in ("path", "abstract") and value:
                names.append(("\0" if key == "abstract" else "") + _unescape(value))
    if not names:
        raise BusError(f"{address!r} is not the address of a local bus", name=NO_SERVER)
    return names


def _unescape(text: str) -> str:
    first, *rest = text.split("%")
    return first + "".join(chr(int(part[:2], 16)) + part[2:] for part in rest)


def _require_socket(address: str) -> None:
    names = socket_names(address)
    if not any(name.startswith("\0") or os.path.exists(name) for name in names):
        raise BusError(f"no message bus at {names[0]}", name=NO_SERVER)


def split_signature(signature: str) -> list[str]:
    """Return the single complete types of ``signature``: ``"a{sv}u"`` is ``["a{sv}", "u"]``."""
    types, start, depth = [], 0, 0
    for index, char in enumerate(signature):
        depth += (char in "({") - (char in ")}")
        if depth == 0 and char != "a":
            types.append(signature[start : index + 1])
            start = index + 1
    return types


def owner_of(bus: Bus, name: str) -> str:
    """Return the unique name of the owner of ``name``, "" if it has none.

    Raises:
        BusError: the bus does not answer.
    """
    try:
        return str(bus.call(BUS_NAME, BUS_PATH, BUS_NAME, "GetNameOwner", "s", (name,))[0])
    except BusError as error:
        if error.name == NAME_HAS_NO_OWNER:
            return ""
        raise
