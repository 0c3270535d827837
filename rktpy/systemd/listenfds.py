"""Descriptors passed by a socket unit of the host, and the directives that describe them.

The protocol is that of sd_listen_fds(3). nspawn passes them on, and the pod's systemd gives each to
the socket unit that listens on the very same address (systemd: ``socket_distribute_fds``); what no
unit claims, it closes. So only sockets can be passed on: FIFOs, message queues and files have no
address.
"""

from __future__ import annotations

import _socket  # socket itself imports enum and selectors
import os
from fcntl import F_GETFD, FD_CLOEXEC, fcntl

from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST = 3
_UNNAMED = "unknown"  # as sd_listen_fds_with_names(3) has it
_DIRECTIVES = {
    _socket.SOCK_STREAM: "ListenStream",
    _socket.SOCK_DGRAM: "ListenDatagram",
    _socket.SOCK_SEQPACKET: "ListenSequentialPacket",
    _socket.SOCK_RAW: "ListenNetlink",
}
_PROTOCOLS = {_socket.IPPROTO_TCP: "tcp", _socket.IPPROTO_UDP: "udp", _socket.IPPROTO_SCTP: "sctp"}
_INTERNET = (_socket.AF_INET, _socket.AF_INET6)


class ListenError(RktError):
    """The descriptors are not what the environment says."""


class Inherited(Value):
    """One descriptor that was passed to this process."""

    name: str  # FileDescriptorName= of the host's socket unit
    text: str  # what it is, for people: an address, or "a FIFO"
    directive: str = ""  # the option of a socket unit that has it; "" if none can
    address: str = ""  # the option's value, not escaped
    protocol: str = ""  # "tcp", "udp" or "sctp"; "" for what is none of the internet
    host: str = ""  # its address there
    port: int = 0


def inherited(environ: Mapping[str, str]) -> tuple[Inherited, ...]:
    """Return the descriptors meant for this process, in order; none if there are none.

    They stay open and are not touched.

    Raises:
        ListenError: some of them are not there.
    """
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return ()
    count = _count(environ)
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    if len(names) != count:
        names = [_UNNAMED] * count
    return tuple(_describe(FIRST + number, name) for number, name in enumerate(names[:count]))


def meant_for_another(environ: Mapping[str, str]) -> str:
    """Return the PID, as text, that the descriptors in ``environ`` are for, "" if it is this one.

    It is another one below a script that did not ``exec`` rktpy. The protocol forbids using them.
    """
    owner = environ.get("LISTEN_PID", "")
    return owner if _count(environ) and owner != str(os.getpid()) else ""


def _count(environ: Mapping[str, str]) -> int:
    text = environ.get("LISTEN_FDS", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _describe(fd: int, name: str) -> Inherited:
    try:
        ours = fcntl(fd, F_GETFD) & FD_CLOEXEC  # systemd hands over none such, and we open no other
    except OSError:
        ours = 1
    if ours:
        raise ListenError(f"LISTEN_FDS promises descriptor {fd}, but it is not open")
    try:
        sock = _socket.socket(fileno=fd)
    except OSError:
        return Inherited(name, _kind(fd))
    try:
        return _socket_of(sock, name)
    finally:
        sock.detach()


def _socket_of(sock: _socket.socket, name: str) -> Inherited:
    own: object = sock.getsockname()
    directive = _DIRECTIVES.get(sock.type, "")
    if sock.family in _INTERNET and isinstance(own, tuple):
        host, port = str(own[0]).partition("%")[0], int(own[1])
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        protocol = _PROTOCOLS.get(sock.proto, "")
        return Inherited(name, address, directive, address, protocol, host, port)
    address = _other_address(sock, own)
    return Inherited(name, address or "a socket without a name", directive * bool(address), address)


def _other_address(sock: _socket.socket, own: object) -> str:
    """Return an address that is not IP as a socket unit spells it, "" if it cannot."""
    if isinstance(own, tuple):
        number, port = own[:2]
        if sock.family == _socket.AF_NETLINK and sock.type == _socket.SOCK_RAW:
            return f"{sock.proto} {port}"  # its second number is a mask of groups
        if sock.family == _socket.AF_VSOCK:
            return f"vsock:{'' if number == _socket.VMADDR_CID_ANY else number}:{port}"
        return ""
    if isinstance(own, bytes):  # abstract: its first byte is NUL
        return _plain("@" + own[1:].decode("latin-1"))
    return _plain(own) if isinstance(own, str) and own.startswith("/") else ""


def _plain(text: str) -> str:
    """Return ``text``, or "" if a line of a unit file cannot hold it as it is."""
    strange = not text.isprintable() or text != text.strip() or text.endswith("\\")
    return "" if strange else text


def _kind(fd: int) -> str:
    kinds = {0o010000: "a FIFO", 0o100000: "a file", 0o020000: "a device"}
    return kinds.get(os.fstat(fd).st_mode & 0o170000, "no socket")
