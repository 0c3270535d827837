"""Namespaces and cgroups of the test process itself, entered and left again."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

from tests.support import leaks
from tests.support.cgroups import make_cgroups, remove_cgroups

if TYPE_CHECKING:
    from typing import Self

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_SLAVE, MS_NOSUID, MS_NODEV = 0x4000, 0x80000, 0x2, 0x4
PR_SET_CHILD_SUBREAPER = 36
_THREADS = "/proc/self/task"
_LAST_BREATH = 5.0  # seconds for a thread that was joined to be gone
_LEASES = "/var/lib/cni"  # where network plugins keep theirs
# A new network namespace has what the machine was told (ip-sysctl.rst, devconf_inherit_init_net).
_FORWARDING = "/proc/sys/net/ipv4/ip_forward"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def call_libc(name: str, *args: int | bytes | ctypes.Array[ctypes.c_char] | None) -> None:
    """Call the C library; these tests must not depend on the code they test."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    words = [ctypes.c_ulong(arg) if isinstance(arg, int) else arg for arg in args]
    if function(*words) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


class Namespaces:
    """New mount and network namespaces for this process and what it starts, until closed.
    Threads that a test starts must end with it: they are waited for a moment.
    """

    def __enter__(self) -> Self:
        # Those of libraries, such as GLib's, stay; unshare(2) takes our root from them.
        self._threads = set(os.listdir(_THREADS))
        self._directory = os.getcwd()
        self._fds = [
            (os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), kind)
            for name, kind in (("mnt", CLONE_NEWNS), ("net", CLONE_NEWNET))
        ]
        call_libc("unshare", CLONE_NEWNS | CLONE_NEWNET)
        call_libc("mount", None, b"/", None, MS_REC | MS_SLAVE, None)
        call_libc("mount", b"tmpfs", b"/run", b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=0755")
        for name in ("/run/lock", "/run/systemd/nspawn"):
            os.makedirs(name)
        os.makedirs(_LEASES, exist_ok=True)
        leases = _LEASES.encode()
        call_libc("mount", b"tmpfs", leases, b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=0755")
        _loopback_up()
        with open(_FORWARDING, "w", encoding="ascii") as file:
            file.write("0")
        return self

    def __exit__(self, *_: object) -> None:
        _wait_for_threads(self._threads)
        for fd, kind in self._fds:
            call_libc("setns", fd, kind)
            os.close(fd)
        os.chdir(self._directory)


def _wait_for_threads(known: set[str]) -> None:
    """Wait until all threads but the ``known`` have left the kernel. One that was joined has left
    Python, but may still share our root with us, which setns(2) refuses for mount namespaces.
    """
    deadline = time.monotonic() + _LAST_BREATH
    while set(os.listdir(_THREADS)) - known:
        if time.monotonic() > deadline:
            names = ", ".join(thread.name for thread in threading.enumerate())
            raise RuntimeError(f"threads of this test go on: {names}")
        time.sleep(0.001)


class Cgroups:
    """Cgroups of our own, below those we started in; nothing where they cannot be made."""

    def __init__(self) -> None:
        self._homes = leaks.own_cgroups()
        self._made: list[str] = []
        with contextlib.suppress(OSError):
            self._made = make_cgroups("test")
        for path in self._made:
            _enter(path)

    def leave(self) -> None:
        """Go back to where we came from and remove ours."""
        for home in self._homes if self._made else ():
            _enter(home)
        remove_cgroups(self._made)


def _enter(path: str) -> None:
    with open(f"{path}/cgroup.procs", "w", encoding="ascii") as file:
        file.write(str(os.getpid()))


def adopt_orphans() -> None:
    """Make grandchildren whose parent dies our children, so that no process gets away."""
    call_libc("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans() -> None:
    """Collect dead children that nobody waits for."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
