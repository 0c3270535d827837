"""Who reaches a published port, and as whom a pod appears outside."""

from __future__ import annotations

import subprocess

import pytest

from rktpy.net.firewall.applying import apply, remove
from rktpy.net.rules import Forward, Masquerade, Published, Rules
from tests.support.wires import HOST4, HOST6, OUTSIDE4, OUTSIDE6, Wires

POD, OTHER = "6b1c2d3e-0000-4000-8000-000000000001", "6b1c2d3e-0000-4000-8000-000000000002"
NETWORKS = {"ptp": ("172.16.28.{}/24", "fd02::{}/64"), "bridge": ("10.1.1.{}/24", "fd03::{}/64")}
GATEWAYS = {"ptp": ("172.16.28.1", "fd02::1"), "bridge": ("10.1.1.1", "fd03::1")}


def addresses(network: str, number: int) -> list[str]:
    return [address.format(number) for address in NETWORKS[network]]


def everything(network: str, number: int, *ports: Published) -> Rules:
    """Masquerading and ``ports`` for all addresses of a pod."""
    own = addresses(network, number)
    return Rules(
        tuple(Masquerade(address) for address in own),
        tuple(Forward(port, address) for port in ports for address in own),
    )


def add(wires: Wires, network: str, name: str, number: int) -> None:
    if network == "ptp":
        wires.point_to_point(name, number)
    else:
        wires.bridged(name, number)


@pytest.mark.parametrize("network", ["ptp", "bridge"])
def test_a_published_port_is_reached_from_everywhere(wires: Wires, network: str) -> None:
    add(wires, network, "bridged1", 2)
    add(wires, network, "bridged2", 3)
    wires.serve("bridged1", "tcp/80", "udp/53")
    apply(
        POD,
        everything(
            network,
            2,
            Published("tcp", 8080, 80),
            Published("udp", 5353, 53),
            Published("tcp", 80, 80),
        ),
    )
    places = (HOST4, HOST6, *GATEWAYS[network])

    for protocol, port, pod_port in (("tcp", 8080, 80), ("udp", 5353, 53), ("tcp", 80, 80)):
        for asker, there in (
            ("outside", (HOST4, HOST6)),
            ("", (*places, "127.0.0.1", "127.9.9.9")),
            ("bridged2", places),
            ("bridged1", places),
        ):
            for place in there:
                answer = wires.ask(asker, protocol, place, port)
                assert answer.startswith(f"bridged1 {pod_port} "), (asker, protocol, place, port)
    assert wires.ask("outside", "tcp", HOST4, 8080) == f"bridged1 80 {OUTSIDE4}"
    assert wires.ask("outside", "tcp", HOST6, 8080) == f"bridged1 80 {OUTSIDE6}"

    remove(POD)
    remove(POD)
    assert wires.silent("outside", "tcp", HOST4, 8080)
    assert subprocess.check_output(["nft", "list", "ruleset"]) == b""


def test_what_a_pod_sends_out_has_an_address_of_the_host(wires: Wires) -> None:
    wires.point_to_point("pod1", 2)
    wires.point_to_point("pod2", 3)
    wires.serve("outside", "tcp/80", "udp/80")
    wires.serve("pod2", "tcp/80")
    assert wires.silent("pod1", "tcp", OUTSIDE4, 80)

    apply(POD, everything("ptp", 2))

    for protocol in ("tcp", "udp"):
        assert wires.ask("pod1", protocol, OUTSIDE4, 80) == f"outside 80 {HOST4}"
        assert wires.ask("pod1", protocol, OUTSIDE6, 80) == f"outside 80 {HOST6}"
    assert wires.ask("pod1", "tcp", "172.16.28.3", 80) == "pod2 80 172.16.28.2"
    assert wires.ask("pod1", "tcp", "fd02::3", 80) == "pod2 80 fd02::2"
    assert wires.silent("pod2", "tcp", OUTSIDE4, 80)
