"""Clients of published UDP ports that ask from one port all the time follow the pods."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.net.firewall import flows
from rktpy.net.firewall.applying import apply, remove
from rktpy.net.rules import Forward, Published, Rules
from tests.support.wires import HOST4, HOST6, Wires

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, TWO = "6b1c2d3e-0000-4000-8000-000000000001", "7c1c2d3e-0000-4000-8000-000000000002"
OWN = {ONE: ("172.16.28.2/24", "fd02::2/64"), TWO: ("172.16.28.3/24", "fd02::3/64")}
CLIENT = """
import socket, sys
address, port = sys.argv[1:]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as sock:
    sock.bind(("", 40000))
    sock.settimeout(20)
    sock.connect((address, int(port)))
    sock.send(b"?")
    print(sock.recv(100).decode().split()[0])
"""


def ask(address: str, port: int = 8053) -> str:
    argv = ["ip", "netns", "exec", "outside", sys.executable, "-IS", "-c", CLIENT]
    done = subprocess.run([*argv, address, str(port)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.splitlines()[-1]


def rules(uuid: str, *, host_ip: str = "") -> Rules:
    port = Published("udp", 8050, 50, host_ip, count=10)
    return Rules(forwards=tuple(Forward(port, address) for address in OWN[uuid]))


NAT = """table inet another {
    chain prerouting {
        type nat hook prerouting priority -100; policy accept;
        ct state new udp dport 1 redirect
    }
}
"""


@pytest.fixture
def pods(wires: Wires) -> Iterator[Wires]:
    """Two pods on a host that translates: there each connection is looked at from its begin."""
    subprocess.run(["nft", "-f", "-"], input=NAT, text=True, check=True)
    for number, name in ((2, "pod1"), (3, "pod2")):
        wires.point_to_point(name, number)
        wires.serve(name, "udp/53")
    yield wires
    for uuid in OWN:
        remove(uuid)


@pytest.mark.parametrize("address", [HOST4, HOST6])
def test_a_client_meets_the_next_pod(pods: Wires, address: str) -> None:
    apply(ONE, rules(ONE))
    first = ask(address)
    remove(ONE)
    apply(TWO, rules(TWO))

    assert (first, ask(address)) == ("pod1", "pod2")


@pytest.mark.parametrize("address", [HOST4, HOST6])
def test_a_client_of_a_process_of_the_host_meets_the_pod(pods: Wires, address: str) -> None:
    pods.serve("", "udp/8053")
    first = ask(address)
    apply(ONE, rules(ONE))

    assert (first, ask(address)) == ("host", "pod1")


@pytest.mark.parametrize("address", [HOST4, HOST6])
def test_a_client_of_a_pod_that_left_meets_the_host(pods: Wires, address: str) -> None:
    pods.serve("", "udp/8053")
    apply(ONE, rules(ONE))
    first = ask(address)
    remove(ONE)
    flows.forget(OWN[ONE])

    assert (first, ask(address)) == ("pod1", "host")
