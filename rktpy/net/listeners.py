"""Whether a process of the host listens on a port, found by trying to bind it."""

from __future__ import annotations

import _socket
import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.net.rules import Published

_IP_FREEBIND = 15
_IPV6_FREEBIND = 78
_KINDS = {
    "tcp": (_socket.SOCK_STREAM, 0),
    "udp": (_socket.SOCK_DGRAM, 0),
    "sctp": (_socket.SOCK_STREAM, 132),
}


def find(port: Published) -> int:
    """Return the first port of ``port`` that a process of our namespace has, 0 for none.

    The address need not be there yet: that of a network's gateway comes with its first pod.
    """
    kind, number = _KINDS[port.protocol]
    hosts = (port.host_ip,) if port.host_ip else ("0.0.0.0", "::")  # noqa: S104 - bound, not served
    for host in hosts:
        family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
        for wanted in range(port.host_port, port.host_port + port.count):
            if _is_taken(family, kind, number, (host, wanted)):
                return wanted
    return 0


def _is_taken(family: int, kind: int, number: int, address: tuple[str, int]) -> bool:
    try:
        sock = _socket.socket(family, kind | _socket.SOCK_CLOEXEC, number)
    except OSError:
        return False  # the host has no IPv6, or no SCTP: nobody listens
    try:
        if kind == _socket.SOCK_STREAM:
            # Connections that have ended are nobody; who listens is in the way all the same.
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if family == _socket.AF_INET6:
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 1)
            sock.setsockopt(_socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        else:
            sock.setsockopt(_socket.IPPROTO_IP, _IP_FREEBIND, 1)
        sock.bind(address)
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    finally:
        sock.close()
    return False
