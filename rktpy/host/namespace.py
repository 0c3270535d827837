"""Network namespaces of pods that have no network of their own yet: only loopback."""

from __future__ import annotations

import fcntl
import socket
import struct

from rktpy.host import syscalls

_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1


def enter_isolated_network() -> None:
    """Move this process into a new network namespace whose only link is ``lo``, up.

    The namespace has no name: it ends with the last process in it, so nothing is left to
    collect after a crash.
    """
    syscalls.unshare(syscalls.CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | _IFF_UP, b""))
