"""The port ``Bus`` over pydbus (and PyGObject, which pydbus does not declare).

pydbus calls through proxies made from introspection, one per object, kept here while the
connection lasts. Its ``connect`` waits without limit, so Gio makes the connection, with a
deadline, and pydbus is given it. GLib's threads outlive the connection: a process that wants to
enter another mount namespace (setns(2) refuses threads) must use this in a child.
"""

from __future__ import annotations

import inspect
import threading
import time

import pydbus.bus
from gi.repository import Gio, GLib

from rktpy.systemd.bus import (
    AUTH_FAILED,
    BUS_NAME,
    BUS_PATH,
    CALL_TIMEOUT,
    DISCONNECTED,
    INVALID_ARGS,
    NO_REPLY,
    NO_SERVER,
    PROPERTIES,
    UNKNOWN_METHOD,
    BusError,
    BusTimeoutError,
    Variant,
    socket_names,
    split_signature,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rktpy.systemd.bus import Bus


def connect_pydbus(address: str, timeout: float) -> Bus:
    """Connect within ``timeout`` seconds; see ``rktpy.systemd.bus.connect``."""
    where = socket_names(address)[0]
    try:
        connection = _open(address, timeout)
    except GLib.Error as error:
        if _is_io(error, Gio.IOErrorEnum.CANCELLED, Gio.IOErrorEnum.TIMED_OUT):
            raise BusTimeoutError(f"message bus at {where}", timeout) from error
        if _is_io(error, Gio.IOErrorEnum.CONNECTION_REFUSED, Gio.IOErrorEnum.NOT_FOUND):
            text = f"cannot connect to the message bus at {where}"
            raise BusError(text, name=NO_SERVER) from error
        if _is_io(error, Gio.IOErrorEnum.PERMISSION_DENIED, Gio.IOErrorEnum.FAILED):
            text = f"the message bus at {where} refuses us"
            raise BusError(text, name=AUTH_FAILED) from error
        raise BusError(f"the message bus at {where} hung up", name=DISCONNECTED) from error
    return PydbusBus(pydbus.bus.Bus(connection))


def _open(address: str, timeout: float) -> Gio.DBusConnection:
    deadline = time.monotonic() + timeout
    cancel = Gio.Cancellable()
    alarm = threading.Timer(timeout, cancel.cancel)
    alarm.start()
    try:
        # Not declared as a message bus, for then GLib greets it, and waits 25 s for the answer.
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, cancel)
    finally:
        alarm.cancel()
        alarm.join()
    milliseconds = max(int((deadline - time.monotonic()) * 1000), 1)
    target = (BUS_NAME, BUS_PATH, BUS_NAME, "Hello", None, None)
    connection.call_sync(*target, Gio.DBusCallFlags.NONE, milliseconds, None)
    return connection


class PydbusBus:
    """``Bus`` over a pydbus connection, which it owns."""

    __slots__ = ("_bus", "_proxies")

    def __init__(self, bus: pydbus.bus.Bus) -> None:
        self._bus = bus
        self._proxies: dict[tuple[str, str], Any] = {}

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
        what = f"{interface}.{method}"
        deadline = time.monotonic() + timeout
        try:
            function = self._method(destination, path, interface, method, timeout)
            left = max(deadline - time.monotonic(), 0.001)
            taken = inspect.signature(function)
            if "".join(p.annotation for p in taken.parameters.values()) != signature:
                raise BusError(f"{what} does not take {signature!r}", name=INVALID_ARGS)
            reply = function(*(_wire(arg) for arg in args), timeout=left)
        except GLib.Error as error:
            raise _translated(error, what, timeout) from error
        return _results(taken.return_annotation, reply)

    def get_property(
        self,
        destination: str,
        path: str,
        interface: str,
        name: str,
        *,
        timeout: float = CALL_TIMEOUT,
    ) -> Any:  # noqa: ANN401 - a property may be of any type
        """See ``rktpy.systemd.bus.Bus``. pydbus's own attributes have no timeout."""
        arguments = (interface, name)
        return self.call(destination, path, PROPERTIES, "Get", "ss", arguments, timeout=timeout)[0]

    def name_has_owner(self, name: str, *, timeout: float = CALL_TIMEOUT) -> bool:
        """See ``rktpy.systemd.bus.Bus``."""
        method = "NameHasOwner"
        return bool(
            self.call(BUS_NAME, BUS_PATH, BUS_NAME, method, "s", (name,), timeout=timeout)[0]
        )

    def names_activatable(self, *, timeout: float = CALL_TIMEOUT) -> frozenset[str]:
        """See ``rktpy.systemd.bus.Bus``."""
        reply = self.call(BUS_NAME, BUS_PATH, BUS_NAME, "ListActivatableNames", timeout=timeout)
        return frozenset(reply[0])

    def close(self) -> None:
        """See ``rktpy.systemd.bus.Bus``."""
        if not self._bus.con.is_closed():
            try:
                self._bus.con.close_sync(None)
            except GLib.Error:
                return  # the other side was quicker

    def _method(
        self, destination: str, path: str, interface: str, method: str, timeout: float
    ) -> Any:  # noqa: ANN401 - pydbus has no types
        proxy = self._proxies.get((destination, path))
        try:
            if proxy is None:
                proxy = self._bus.get(destination, path, timeout=max(timeout, 0.001))
                self._proxies[destination, path] = proxy
            return getattr(proxy[interface], method)
        except (KeyError, AttributeError) as error:
            text = f"{destination} has no method {interface}.{method} at {path}"
            raise BusError(text, name=UNKNOWN_METHOD) from error


def _translated(error: GLib.Error, what: str, timeout: float) -> BusError:
    if error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT):
        return BusTimeoutError(what, timeout)
    if error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED):
        return BusError(f"{what}: the message bus hung up", name=DISCONNECTED)
    name = Gio.DBusError.get_remote_error(error) or ""
    if name == NO_REPLY:
        return BusTimeoutError(what, timeout)
    # GDBus.Error:<name>: <words of the service>
    return BusError(error.message.removeprefix(f"GDBus.Error:{name}: "), name=name)


def _is_io(error: GLib.Error, *codes: int) -> bool:
    return any(error.matches(Gio.io_error_quark(), code) for code in codes)


def _results(annotation: Any, reply: Any) -> tuple[Any, ...]:  # noqa: ANN401 - pydbus has no types
    """Undo pydbus's unwrapping of replies; its annotation lists several values by ", "."""
    if annotation is inspect.Signature.empty:
        return ()
    if ", " not in annotation:
        return (_plain(annotation, reply),)
    kinds = annotation[1:-1].split(", ")
    return tuple(_plain(kind, value) for kind, value in zip(kinds, reply, strict=True))


def _plain(kind: str, value: Any) -> Any:  # noqa: ANN401 - any D-Bus type
    if kind == "ay":
        return bytes(value)
    if kind.startswith("a{"):
        item = split_signature(kind[2:-1])[1]
        return {k: _plain(item, v) for k, v in value.items()}
    if kind.startswith("a"):
        return [_plain(kind[1:], item) for item in value]
    if kind.startswith("("):
        pairs = zip(split_signature(kind[1:-1]), value, strict=True)
        return tuple(_plain(item, v) for item, v in pairs)
    return value


def _wire(value: object) -> object:
    """Return ``value`` with each ``Variant`` as GLib takes it."""
    if isinstance(value, Variant):
        return GLib.Variant(value.signature, _wire(value.value))
    if isinstance(value, list | tuple):
        return type(value)(_wire(item) for item in value)
    if isinstance(value, dict):
        return {key: _wire(item) for key, item in value.items()}
    return value
