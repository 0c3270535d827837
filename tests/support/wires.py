"""A host (the test's own namespace) with an outside world and pods, wired with ip(8).

outside 192.0.2.9, fd01::9 ── host 192.0.2.1, fd01::1 ──┬── pods, each on its pair (ptp)
                                                        └── pods of one bridge

Nobody outside has a route to a pod. Each machine answers, on the ports it was told, with its name,
the port and the address it was asked from.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

_SERVER = """
import selectors, socket, sys
name, *wanted = sys.argv[1:]
poll = selectors.DefaultSelector()
for one in wanted:
    protocol, port = one.split("/")
    for family, any in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((any, int(port)))
        if protocol == "tcp":
            sock.listen(64)
        poll.register(sock, selectors.EVENT_READ, (protocol, port))
print("ready", flush=True)
while True:
    for key, _ in poll.select():
        protocol, port = key.data
        try:
            if protocol == "tcp":
                conn, peer = key.fileobj.accept()
                with conn:
                    conn.sendall(f"{name} {port} {peer[0]}".encode())
            else:
                _, peer = key.fileobj.recvfrom(100)
                key.fileobj.sendto(f"{name} {port} {peer[0]}".encode(), peer)
        except OSError:
            pass
"""
_CLIENT = """
import socket, sys
protocol, address, port, patience = sys.argv[1:]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
with socket.socket(family, kind) as sock:
    sock.settimeout(float(patience))
    try:
        sock.connect((address, int(port)))
        if protocol == "udp":
            sock.send(b"?")
        print(sock.recv(100).decode(), end="")
    except OSError as error:
        sys.exit(str(error))
"""
_ASKER = """
import select, socket, sys
answered = failed = 0
print("ready", flush=True)
while not select.select([0], [], [], 0)[0]:
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as sock:
            if not sock.recv(100):
                raise OSError
        answered += 1
    except OSError:
        failed += 1
print(answered, failed)
"""
HOST4, HOST6, OUTSIDE4, OUTSIDE6 = "192.0.2.1", "fd01::1", "192.0.2.9", "fd01::9"
_SILENCE = "0.7"  # seconds without an answer that are taken for none
_PATIENCE = "20"


def ip(*words: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *words], check=True)


class Wires:
    """Leave it to take the names and processes away."""

    def __enter__(self) -> Self:
        _know_addresses()
        self._servers: list[subprocess.Popen[str]] = []
        self._names: list[str] = []
        self._bridge = False
        self._links: list[str] = []
        self._machine("outside")
        ip("link", "add", "out0", "type", "veth", "peer", "name", "eth0", "netns", "outside")
        self._links.append("out0")
        _configure(None, "out0", f"{HOST4}/24", f"{HOST6}/64")
        _configure("outside", "eth0", f"{OUTSIDE4}/24", f"{OUTSIDE6}/64")
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.kill()
            server.communicate()
        # A namespace outlives its name while a connection in it waits for somebody who is gone.
        for link in self._links:
            subprocess.run(["ip", "link", "delete", link], check=False, stderr=subprocess.DEVNULL)
        for name in self._names:
            ip("netns", "delete", name)
        if self._bridge:
            ip("link", "delete", "br0")
        subprocess.run(["umount", "--lazy", "/run/netns"], check=False)

    def point_to_point(self, name: str, number: int, *, link: str = "") -> None:
        """Add a pod as the ptp plugin does: 172.16.28.NUMBER/24 and fd02::NUMBER/64."""
        self._machine(name)
        link = link or f"veth{number}"
        ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        self._links.append(link)
        _configure(None, link, "172.16.28.1/32", "fd02::1/128")
        ip("route", "add", f"172.16.28.{number}/32", "dev", link)
        ip("-6", "route", "add", f"fd02::{number}/128", "dev", link)
        ip("-n", name, "link", "set", "eth0", "up")
        there = ("-n", name, "addr", "add", "dev", "eth0", "noprefixroute")
        ip(*there, f"172.16.28.{number}/24")
        ip(*there, f"fd02::{number}/64", "nodad")
        for family, gateway, everywhere in (
            ("-4", "172.16.28.1", "0.0.0.0/0"), ("-6", "fd02::1", "::/0"),
        ):  # fmt: skip
            bits = "32" if family == "-4" else "128"
            way = ("-n", name, family, "route", "add")
            ip(*way, f"{gateway}/{bits}", "dev", "eth0")
            ip(*way, everywhere, "via", gateway, "dev", "eth0")

    def bridged(self, name: str, number: int) -> None:
        """Add a pod as the bridge plugin does: 10.1.1.NUMBER/24 and fd03::NUMBER/64, on br0."""
        if not self._bridge:
            ip("link", "add", "br0", "type", "bridge")
            self._bridge = True
            _configure(None, "br0", "10.1.1.1/24", "fd03::1/64")
        self._machine(name)
        link = f"port{number}"
        ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        self._links.append(link)
        ip("link", "set", link, "master", "br0", "up")
        # Where br_netfilter is loaded a frame may have to leave by the port it came in by.
        ip("link", "set", link, "type", "bridge_slave", "hairpin", "on")
        _configure(name, "eth0", f"10.1.1.{number}/24", f"fd03::{number}/64")
        ip("-n", name, "route", "add", "default", "via", "10.1.1.1")
        ip("-n", name, "-6", "route", "add", "default", "via", "fd03::1")

    def serve(self, name: str, *ports: str) -> None:
        """Let the machine ``name`` answer on each of ``ports``, as ``tcp/80``; "" is the host."""
        server = subprocess.Popen(
            [*_inside(name), sys.executable, "-I", "-S", "-c", _SERVER, name or "host", *ports],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._servers.append(server)
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"

    def ask(self, name: str, protocol: str, address: str, port: int) -> str:
        """Return what answers ``name`` ("" is the host)."""
        return _ask(name, protocol, address, port, _PATIENCE).stdout

    def silent(self, name: str, protocol: str, address: str, port: int) -> bool:
        """Return whether nobody answers ``name``."""
        return _ask(name, protocol, address, port, _SILENCE).stdout == ""

    def asking(self, name: str, address: str, port: int) -> Asker:
        """Return a context in which ``name`` asks again and again."""
        return Asker([*_inside(name), sys.executable, "-I", "-S", "-c", _ASKER, address, str(port)])

    def _machine(self, name: str) -> None:
        ip("netns", "add", name)
        self._names.append(name)
        ip("-n", name, "link", "set", "lo", "up")


class Asker:
    """Somebody who makes one TCP connection after the other, until the block is left."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = argv
        self.answered = self.failed = 0

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._argv, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        told, _nothing = self._process.communicate("stop\n")
        self.answered, self.failed = map(int, told.split())


def _ask(
    name: str, protocol: str, address: str, port: int, patience: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *_inside(name), sys.executable, "-I", "-S", "-c", _CLIENT,
            protocol, address, str(port), patience,
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def _know_addresses() -> None:
    """Let new links of the host have their addresses at once: no answer comes by a link that still
    asks, for two seconds, whether somebody else has its link-local one (ip-sysctl.rst, accept_dad).
    """
    with open("/proc/sys/net/ipv6/conf/default/accept_dad", "w", encoding="ascii") as file:
        file.write("0")


def _inside(name: str) -> Sequence[str]:
    return ("ip", "netns", "exec", name) if name else ()


def _configure(name: str | None, link: str, *addresses: str) -> None:
    there = ("-n", name) if name else ()
    for address in addresses:
        ip(*there, "addr", "add", address, "dev", link, *(("nodad",) if ":" in address else ()))
    ip(*there, "link", "set", link, "up")
