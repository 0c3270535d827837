"""Starts a unit of a pod's own systemd with descriptors of ours as its standard streams.

PID 1 listens on a private socket, without a message bus. A transient unit is the only one it takes
descriptors for; whatever else the unit needs lies in drop-ins (org.freedesktop.systemd1(5)).
"""

from __future__ import annotations

import fcntl
import socket
import termios
import time
from array import array

from jeepney import DBusAddress, HeaderFields, MessageType, Parser, new_method_call
from jeepney.auth import BEGIN, AuthenticationError, Authenticator

from rktpy.errors import RktError
from rktpy.systemd.manager import DESTINATION, INTERFACE, PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from jeepney import Message

_PROPERTIES = (
    "StandardInputFileDescriptor", "StandardOutputFileDescriptor", "StandardErrorFileDescriptor",
)  # fmt: skip
_SERIAL = 1
_PATIENCE = 10.0  # seconds for each answer
_POLL = 0.0005
_CHUNK = 1 << 16


class HandoverError(RktError):
    """The pod's systemd did not take the streams."""


def start_with_streams(address: str, unit: str, streams: Sequence[int]) -> None:
    """Have the systemd that listens on the socket ``address`` start ``unit``, whose standard
    input, output and error are to be our descriptors ``streams``. It wants all three or none.

    The caller must be in a PID namespace that systemd sees into. Returns when the start is
    queued; our own descriptors stay open.

    Raises:
        HandoverError: systemd does not answer, or refuses.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(_PATIENCE)
            sock.connect(address)
            for request in (authenticator := Authenticator(enable_fds=True)):
                sock.sendall(request)
                authenticator.feed(sock.recv(_CHUNK))
            sock.sendall(BEGIN)
            _wait_until_read(sock)
            _start(sock, unit, streams)
    except (OSError, ValueError, AuthenticationError) as error:
        raise HandoverError("the pod's systemd does not answer") from error


def _wait_until_read(sock: socket.socket) -> None:
    """Wait until BEGIN has left the socket: systemd refuses descriptors that come along with it."""
    unread = array("i", [0])
    deadline = time.monotonic() + _PATIENCE
    while True:
        fcntl.ioctl(sock, termios.TIOCOUTQ, unread)
        if not unread[0]:
            return
        if time.monotonic() > deadline:
            raise TimeoutError("BEGIN is not read")
        time.sleep(_POLL)


def _start(sock: socket.socket, unit: str, streams: Sequence[int]) -> None:
    properties = [(name, ("h", fd)) for name, fd in zip(_PROPERTIES, streams, strict=True)]
    manager = DBusAddress(PATH, bus_name=DESTINATION, interface=INTERFACE)
    arguments: tuple[object, ...] = (unit, "fail", properties, [])
    call = new_method_call(manager, "StartTransientUnit", "ssa(sv)a(sa(sv))", arguments)
    fds = array("i")
    data = call.serialise(_SERIAL, fds)
    socket.send_fds(sock, [data], fds)
    reply = _reply(sock)
    if reply.header.message_type is MessageType.error:
        raise HandoverError(f"the pod's systemd refuses: {reply.body[0] if reply.body else unit}")


def _reply(sock: socket.socket) -> Message:
    parser = Parser()
    while True:
        message = parser.get_next_message()
        if message is None:
            data = sock.recv(_CHUNK)
            if not data:
                raise ConnectionResetError("end of file")
            parser.add_data(data)
        elif message.header.fields.get(HeaderFields.reply_serial) == _SERIAL:
            return message
