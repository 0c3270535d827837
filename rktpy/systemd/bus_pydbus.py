"""The port ``Bus`` over pydbus (and PyGObject, which pydbus does not declare).

pydbus calls through proxies made from introspection, one per object, kept here while the
connection lasts. Its ``connect`` waits without limit, so Gio makes the connection, with a
deadline, and pydbus is given it. Its signals, and its calls that do not wait, need a main loop,
which would be one more than the caller's: a filter takes signals and replies in GLib's own thread,
and an eventfd tells of them. GLib's threads
outlive the connection: a process that wants to enter another mount namespace (setns(2) refuses
threads) must use this in a child.
"""

from __future__ import annotations

import inspect
import os
import select
import threading
import time
from collections import deque

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
    UNKNOWN_METHOD,
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


class PydbusBus(Questions):
    """``Bus`` over a pydbus connection, which it owns."""

    __slots__ = ("_bus", "_post", "_proxies")

    def __init__(self, bus: pydbus.bus.Bus) -> None:
        self._bus = bus
        self._proxies: dict[tuple[str, str], Any] = {}
        self._post: _Post | None = None

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

    def send(
        self,
        destination: str,
        path: str,
        interface: str,
        method: str,
        signature: str = "",
        args: Sequence[object] = (),
    ) -> int:
        """See ``rktpy.systemd.bus.Bus``. Past pydbus, whose proxies ask for a description first."""
        message = Gio.DBusMessage.new_method_call(destination, path, interface, method)
        if signature:
            body = tuple(_wire(arg) for arg in args)
            message.set_body(GLib.Variant(f"({signature})", body))
        try:
            return self._letters().send(message)
        except GLib.Error as error:
            raise _translated(error, f"{interface}.{method}", 0) from error

    def subscribe(self, wanted: Wanted, *, timeout: float = CALL_TIMEOUT) -> None:
        """See ``rktpy.systemd.bus.Bus``."""
        self._letters().wanted.append(wanted)
        rule = (wanted.rule(),)
        self.call(BUS_NAME, BUS_PATH, BUS_NAME, "AddMatch", "s", rule, timeout=timeout)

    def received(self) -> list[Signal | Reply]:
        """See ``rktpy.systemd.bus.Bus``."""
        post = self._letters()
        over = post.is_over()  # asked first: what came before the end is there by then
        found = post.take()
        if over and not found:
            raise BusError("the message bus hung up", name=DISCONNECTED)
        return found

    def fileno(self) -> int:
        """See ``rktpy.systemd.bus.Bus``."""
        return self._letters().fileno()

    def close(self) -> None:
        """See ``rktpy.systemd.bus.Bus``."""
        if self._post is not None:
            self._post.close()
        if not self._bus.con.is_closed():
            try:
                self._bus.con.close_sync(None)
            except GLib.Error:
                return  # the other side was quicker

    def _letters(self) -> _Post:
        if self._post is None:
            self._post = _Post(self._bus.con)
        return self._post

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


class _Post:
    """Signals and replies as they come, and a descriptor, readable when some came or none will.

    GLib tells of a lost connection only in a main loop; the socket's other end going does so as
    well.
    """

    __slots__ = (
        "_bell", "_connection", "_filter", "_kept", "_lock", "_poll", "_sent", "_socket", "wanted",
    )  # fmt: skip

    def __init__(self, connection: Gio.DBusConnection) -> None:
        self.wanted: list[Wanted] = []
        self._connection = connection
        self._kept: deque[Signal | Reply] = deque()
        self._sent: set[int] = set()
        self._lock = threading.Lock()  # a filter that was removed may be at work still
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._socket = os.dup(connection.get_stream().get_socket().get_fd())  # GLib closes its own
        self._poll = select.epoll()
        self._poll.register(self._bell, select.EPOLLIN)
        self._poll.register(self._socket, 0)  # its end is told unasked
        self._filter = connection.add_filter(self._on_message)

    def fileno(self) -> int:
        return self._poll.fileno()

    def is_over(self) -> bool:
        return bool(self._connection.is_closed())

    def send(self, message: Gio.DBusMessage) -> int:
        """Send a call; GLib queues it, so this does not wait."""
        with self._lock:  # or the reply could be here before anybody knows of it
            number = self._connection.send_message(message, Gio.DBusSendMessageFlags.NONE)[1]
            self._sent.add(number)
        return int(number)

    def take(self) -> list[Signal | Reply]:
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            return []
        return [self._kept.popleft() for _ in range(len(self._kept))]

    def close(self) -> None:
        with self._lock:
            bell, self._bell = self._bell, -1
        if bell >= 0:
            self._connection.remove_filter(self._filter)
            self._poll.close()
            os.close(bell)
            os.close(self._socket)

    def _on_message(
        self,
        _connection: Gio.DBusConnection,
        message: Gio.DBusMessage,
        incoming: bool,  # noqa: FBT001 - GLib's
    ) -> Gio.DBusMessage:
        """In GLib's thread, and it must not fail there."""
        if incoming:
            with self._lock:
                if self._bell >= 0 and (news := self._news(message)) is not None:
                    self._kept.append(news)
                    os.eventfd_write(self._bell, 1)
        return message

    def _news(self, message: Gio.DBusMessage) -> Signal | Reply | None:
        kind = message.get_message_type()
        if kind == Gio.DBusMessageType.SIGNAL:
            signal = _signal(message)
            return signal if any(wanted.fits(signal) for wanted in self.wanted) else None
        number = int(message.get_reply_serial())
        if number not in self._sent:
            return None
        self._sent.discard(number)
        if kind == Gio.DBusMessageType.ERROR:
            return Reply(number, error=_refusal(message))
        return Reply(number, _body(message))


def _body(message: Gio.DBusMessage) -> tuple[Any, ...]:
    body = message.get_body()
    values = () if body is None else body.unpack()
    kinds = split_signature(message.get_signature())
    return tuple(_plain(kind, value) for kind, value in zip(kinds, values, strict=True))


def _refusal(message: Gio.DBusMessage) -> BusError:
    name, words = message.get_error_name() or "", _body(message)
    return BusError(words[0] if words and isinstance(words[0], str) else name, name=name)


def _signal(message: Gio.DBusMessage) -> Signal:
    return Signal(
        sender=message.get_sender() or "",
        path=message.get_path() or "",
        interface=message.get_interface() or "",
        member=message.get_member() or "",
        args=_body(message),
    )


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
