"""Two pods and their host reach each other, over each kind of network and family of addresses."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.run.images import SHELL
from tests.integration.run.netted import Netted, host_local
from tests.support.uplink import answers
from tests.support.wires import HOST4, HOST6, OUTSIDE4, OUTSIDE6, Wires, ip

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator


FAMILIES = {
    "IPv4": ["10.78.0.0/24"],
    "IPv6": ["fd78::/64"],
    "dual stack": ["10.78.0.0/24", "fd78::/64"],
}
ROUTES = {"10.78.0.0/24": "0.0.0.0/0", "fd78::/64": "::/0"}
GATEWAYS = {"10.78.0.0/24": "10.78.0.1", "fd78::/64": "fd78::1"}
KINDS: dict[str, dict[str, Any]] = {
    "ptp": {"ipMasq": True},
    "bridge": {"bridge": "rkt0", "isGateway": True, "ipMasq": True},
    "macvlan": {"master": "out0"},
}


def url(address: str, port: int = 80) -> str:
    return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


@pytest.fixture
def host_link(wires: Wires) -> Iterator[None]:
    """A link of the host beside those of macvlan pods: by their master it cannot reach them."""
    del wires
    ip("link", "add", "mac0", "link", "out0", "type", "macvlan", "mode", "bridge")
    for address in ("10.78.0.1/24", "fd78::1/64"):
        ip("addr", "add", address, "dev", "mac0", *(("nodad",) if ":" in address else ()))
    ip("link", "set", "mac0", "up")
    yield
    ip("link", "delete", "mac0")


@contextlib.contextmanager
def serving(directory: str, port: int) -> Iterator[None]:
    """A server on all addresses of the host that says ``host``."""
    with open(f"{directory}/index.html", "w", encoding="ascii") as file:
        file.write("host")
    argv = ["busybox", "httpd", "-f", "-p", str(port), "-h", directory]
    process = subprocess.Popen(argv)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("host_link")
def test_two_pods_and_the_host_reach_each_other(
    net: Netted, tmp_path: os.PathLike[str], kind: str, family: str
) -> None:
    subnets = FAMILIES[family]
    ipam = host_local(*subnets, routes=[ROUTES[subnet] for subnet in subnets])
    if kind != "macvlan":
        ip("link", "set", "mac0", "down")
    net.configure("n", cniVersion="1.0.0", type=kind, ipam=ipam, **KINDS[kind])

    with net.serve("--net=n") as one, net.serve("--net=n") as two, serving(f"{tmp_path}", 8000):
        pods = {pod.ready(): pod for pod in (one, two)}
        addresses = {uuid: net.addresses(uuid) for uuid in pods}
        assert {len(own) for own in addresses.values()} == {len(subnets)}
        for uuid, pod in pods.items():
            for address in addresses[uuid]:
                assert answers(url(address), pod) == f"rkt-{uuid}"
        first, second = pods
        for asking, asked in ((first, second), (second, first)):
            for address in addresses[asked]:
                assert net.ask(asking, address) == f"rkt-{asked}"
            for subnet in subnets:
                assert net.ask(asking, GATEWAYS[subnet], 8000) == "host"


def test_a_default_pod_gets_outside_and_a_restricted_one_has_no_way(
    net: Netted, wires: Wires
) -> None:
    wires.serve("outside", "tcp/7")
    script = f"busybox nc -w 5 {OUTSIDE4} 7 </dev/null 2>&1; busybox ip route"

    default = net.run(SHELL, "--", script)
    restricted = net.run("--net=default-restricted", SHELL, "--", script)

    # Outside it is the host that asks: nobody there knows the way to a pod.
    assert f"outside 7 {HOST4}" in default.out
    assert "Network is unreachable" in restricted.out
    assert "default" not in restricted.out
    assert "172.31." in restricted.out


def test_a_masqueraded_ipv6_network_gets_outside(net: Netted, wires: Wires) -> None:
    wires.serve("outside", "tcp/7")
    ipam = host_local("fd78::/64", routes=["::/0"])
    net.configure("six", cniVersion="1.0.0", type="ptp", ipMasq=True, ipam=ipam)

    done = net.run("--net=six", SHELL, "--", f"busybox nc -w 5 {OUTSIDE6} 7 </dev/null")

    assert f"outside 7 {HOST6}" in done.out, done


def test_a_pod_has_a_link_in_each_of_its_networks(net: Netted) -> None:
    six = host_local("fd79::/64")
    net.configure("b", file="20-b.conf", type="bridge", bridge="rkt1", isGateway=True,
                  ipam={"type": "host-local", "subnet": "10.79.0.0/24"})  # fmt: skip
    net.configure("six", file="10-six.conf", cniVersion="1.0.0", type="ptp", ipam=six)
    words = ("--net=default", "--net=b:IP=10.79.0.77", "--net=six")
    with net.serve(*words) as pod:
        uuid = pod.ready()
        status = net.status(uuid)["networks"]
        listed = net.ok("list", "--no-legend")
        links = net.ok("enter", uuid, "busybox", "ip", "-o", "addr")

    assert [(one["netName"], one["ifName"], one["ip"]) for one in net.info(uuid)] == [
        ("six", "eth0", "fd79::2"), ("b", "eth1", "10.79.0.77"), ("default", "eth2", "172.16.28.2")
    ]  # fmt: skip
    assert "b:ip4=10.79.0.77" in status
    assert "default:ip4=172.16.28.2" in status
    assert status in listed
    for text in ("eth0    inet6 fd79::2", "eth1    inet 10.79.0.77", "eth2    inet 172.16.28.2"):
        assert text in links
