"""Addresses from a DHCP server, by CNI's program and its daemon."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.errors import RktError
from rktpy.net import chain
from rktpy.net.registry import Registry
from tests.support.netplugins import DEBIAN, SEARCH, attachment, programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rktpy.net.chain import Find

BRIDGE = "dhcp-test0"
SOCKET = "/run/cni/dhcp.sock"
NETWORK: dict[str, Any] = {
    "cniVersion": "0.4.0", "name": "leased", "type": "bridge", "bridge": BRIDGE,
    "ipam": {"type": "dhcp"},
}  # fmt: skip


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def wait_for(path: str) -> None:
    deadline = time.monotonic() + 20
    while not os.path.exists(path):
        assert time.monotonic() < deadline, f"no {path}"


@pytest.fixture
def pods() -> Iterator[list[str]]:
    """Two namespaces."""
    names = [f"cni-test-{os.getpid()}-{n}" for n in range(2)]
    for name in names:
        ip("netns", "add", name)
    yield [f"/run/netns/{name}" for name in names]
    for name in names:
        ip("netns", "delete", name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[None]:
    """A DHCP server at a bridge, with two addresses to give."""
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("address", "add", "10.55.0.1/24", "dev", BRIDGE)
    ip("link", "set", BRIDGE, "up")
    leases = tmp_path / "udhcpd.leases"
    leases.touch()
    conf = tmp_path / "udhcpd.conf"
    conf.write_text(
        f"start 10.55.0.20\nend 10.55.0.21\ninterface {BRIDGE}\n"
        f"lease_file {leases}\npidfile {tmp_path}/udhcpd.pid\noption subnet 255.255.255.0\n"
        "option router 10.55.0.1\noption lease 600\n"
    )
    process = subprocess.Popen(
        ["busybox", "udhcpd", "-f", "-a", "50", str(conf)], stderr=subprocess.DEVNULL
    )
    yield
    process.terminate()
    process.wait()
    ip("link", "delete", BRIDGE)


@pytest.fixture
def daemon() -> Iterator[None]:
    os.mkdir("/run/cni")
    process = subprocess.Popen([f"{DEBIAN}/dhcp", "daemon"], stderr=subprocess.DEVNULL)
    wait_for(SOCKET)
    yield
    process.kill()
    process.wait()


@pytest.fixture(params=["as rktpy finds them", "Debian's"])
def find(request: pytest.FixtureRequest, tmp_path: Path) -> Find:
    if request.param == "Debian's":
        return programs(DEBIAN)
    return Registry(str(tmp_path), {"PATH": SEARCH}, str(tmp_path)).find


@pytest.mark.usefixtures("server", "daemon")
def test_a_server_gives_addresses_to_debians_bridge(pods: list[str]) -> None:
    gives_addresses(pods, programs(DEBIAN))


@pytest.mark.usefixtures("server", "daemon")
def test_a_server_gives_addresses_to_the_built_in_bridge(pods: list[str], tmp_path: Path) -> None:
    gives_addresses(pods, Registry(str(tmp_path), {"PATH": SEARCH}, str(tmp_path)).find)


@pytest.mark.usefixtures("server", "daemon")
def test_a_server_gives_addresses_to_links_of_their_own(pods: list[str], tmp_path: Path) -> None:
    ip("link", "add", "dhcp-out", "type", "veth", "peer", "name", "dhcp-in")
    ip("link", "set", "dhcp-in", "master", BRIDGE, "up")
    ip("link", "set", "dhcp-out", "up")
    network = {**NETWORK, "type": "macvlan", "master": "dhcp-out"}

    gives_addresses(
        pods, Registry(str(tmp_path), {"PATH": SEARCH}, str(tmp_path)).find, network=network
    )

    ip("link", "delete", "dhcp-out")


def gives_addresses(pods: list[str], find: Find, *, network: dict[str, Any] = NETWORK) -> None:
    both = [attachment(network, place) for place in pods]

    results = [chain.add(one.replace(container=f"pod-{n}"), find) for n, one in enumerate(both)]

    (first,), (second,) = (result.addresses for result in results)
    assert {first.address, second.address} == {"10.55.0.20/24", "10.55.0.21/24"}
    assert first.gateway == second.gateway == "10.55.0.1"
    shown = subprocess.run(
        ["ip", "-n", os.path.basename(pods[0]), "-o", "-4", "address", "show", "eth0"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert first.address in shown
    for number, one in enumerate(both):
        assert chain.delete(one.replace(container=f"pod-{number}"), find, results[number]) == ()


@pytest.mark.usefixtures("server")
def test_without_the_daemon_it_is_said_how_to_start_it(pods: list[str], find: Find) -> None:
    with pytest.raises(RktError) as caught:
        chain.add(attachment(NETWORK, pods[0]), find)

    links = subprocess.run(
        ["ip", "-n", os.path.basename(pods[0]), "-o", "link"], check=True, capture_output=True
    ).stdout
    assert links.count(b"\n") == 1  # lo: the bridge's port, made first, is gone
    assert "error dialing DHCP daemon" in caught.value.message
    assert caught.value.hint == (
        f"start the daemon of the dhcp plugin: {DEBIAN}/dhcp daemon (it makes {SOCKET})"
    )
