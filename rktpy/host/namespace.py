"""Network namespaces of pods that have no network of their own yet: only loopback."""

from __future__ import annotations

import _socket  # socket itself imports enum and selectors
import fcntl
import struct

from rktpy.host import syscalls

_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1


_UNPRIVILEGED_PORTS = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


def enter_isolated_network(*, open_ports: bool = False) -> None:
    """Move this process into a new network namespace whose only link is ``lo``, up.

    ``open_ports`` lets everybody in it listen on ports below 1024: root of a user namespace of its
    own counts as nobody here.

    The namespace has no name: it ends with the last process in it, so nothing is left to
    collect after a crash.
    """
    syscalls.unshare(syscalls.CLONE_NEWNET)
    control = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    try:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | _IFF_UP, b""))
    finally:
        control.close()
    if open_ports:
        with open(_UNPRIVILEGED_PORTS, "w", encoding="ascii") as setting:
            setting.write("0")
