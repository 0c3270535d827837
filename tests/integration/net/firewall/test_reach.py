"""Who reaches a published port, and as whom a pod appears outside."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.net.firewall.sysctls import takes_loopback
from rktpy.net.rules import Forward, Masquerade, Published, Rules
from tests.support.wires import HOST4, HOST6, OUTSIDE4, OUTSIDE6, Wires

if TYPE_CHECKING:
    from tests.integration.net.firewall.conftest import Firewall

POD, OTHER = "6b1c2d3e-0000-4000-8000-000000000001", "7c1c2d3e-0000-4000-8000-000000000002"
BRIDGE_SWITCHES = "/proc/sys/net/bridge"  # of this namespace; where br_netfilter is there
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


@pytest.mark.parametrize(
    ("network", "filtered"), [("ptp", False), ("bridge", False), ("bridge", True)]
)
def test_a_published_port_is_reached_from_everywhere(
    wires: Wires, firewall: Firewall, network: str, *, filtered: bool
) -> None:
    if os.path.exists(BRIDGE_SWITCHES):
        for name in os.listdir(BRIDGE_SWITCHES):
            if name.startswith("bridge-nf-call-ip"):
                Path(BRIDGE_SWITCHES, name).write_text(f"{int(filtered)}\n", encoding="ascii")
    add(wires, network, "pod1", 2)
    add(wires, network, "pod2", 3)
    wires.serve("pod1", "tcp/80", "udp/53")
    firewall.apply(
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
    # The kernel drops answers to ::1 that br_netfilter has translated (``firewall.loopback``).
    loopback = ("127.0.0.1", "127.9.9.9") if filtered else ("127.0.0.1", "127.9.9.9", "::1")

    for protocol, port, pod_port in (("tcp", 8080, 80), ("udp", 5353, 53), ("tcp", 80, 80)):
        for asker, there in (
            ("outside", (HOST4, HOST6)),
            ("", (*places, *loopback)),
            ("pod2", places),
            ("pod1", places),
        ):
            for place in there:
                answer = wires.ask(asker, protocol, place, port)
                assert answer.startswith(f"pod1 {pod_port} "), (asker, protocol, place, port)
    assert wires.ask("outside", "tcp", HOST4, 8080) == f"pod1 80 {OUTSIDE4}"
    assert wires.ask("outside", "tcp", HOST6, 8080) == f"pod1 80 {OUTSIDE6}"

    firewall.remove(POD)
    firewall.remove(POD)
    assert wires.silent("outside", "tcp", HOST4, 8080)
    left = subprocess.check_output(["nft", "list", "ruleset"])  # those of iptables too
    assert [word for word in (b"rkt-", b"RKT-", b"CNI-", b"172.", b"fd0") if word in left] == []


def test_a_port_of_one_address_is_reached_there_alone(wires: Wires, firewall: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    wires.serve("pod1", "tcp/80")
    wires.serve("", "tcp/9")

    firewall.apply(POD, everything("ptp", 2, Published("tcp", 8080, 80, "172.16.28.1")))
    assert wires.ask("", "tcp", "172.16.28.1", 8080) == "pod1 80 172.16.28.1"
    assert wires.ask("pod1", "tcp", "172.16.28.1", 8080).startswith("pod1 80 ")
    for place in ("127.0.0.1", HOST4, "::1", "fd02::1"):
        assert wires.silent("", "tcp", place, 8080), place
    assert not takes_loopback("veth2")

    firewall.apply(POD, everything("ptp", 2, Published("tcp", 8080, 80, "127.0.0.1")))
    assert wires.ask("", "tcp", "127.0.0.1", 8080) == "pod1 80 172.16.28.1"
    for place in ("127.0.0.2", HOST4, "172.16.28.1", "::1"):
        assert wires.silent("", "tcp", place, 8080), place

    firewall.apply(POD, everything("ptp", 2, Published("tcp", 8080, 80, "::1")))
    assert wires.ask("", "tcp", "::1", 8080) == "pod1 80 fd02::1"
    for place in ("127.0.0.1", HOST6, "fd02::1"):
        assert wires.silent("", "tcp", place, 8080), place
    assert not takes_loopback("veth2")

    firewall.apply(POD, everything("ptp", 2, Published("tcp", 8080, 80, "::")))
    assert wires.ask("outside", "tcp", HOST6, 8080) == f"pod1 80 {OUTSIDE6}"
    assert wires.silent("", "tcp", HOST4, 8080)
    assert wires.ask("", "tcp", "127.0.0.1", 9) == "host 9 127.0.0.1"
    assert wires.ask("", "tcp", "::1", 9) == "host 9 ::1"


def test_each_port_of_a_range_leads_to_its_own(wires: Wires, firewall: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    wires.serve("pod1", *(f"{kind}/{port}" for kind in ("tcp", "udp") for port in range(90, 94)))

    firewall.apply(
        POD,
        everything(
            "ptp", 2, Published("tcp", 8090, 91, count=2), Published("udp", 90, 90, count=3)
        ),
    )

    for place in (HOST4, HOST6):
        for number in range(2):
            answer = wires.ask("outside", "tcp", place, 8090 + number)
            assert answer.startswith(f"pod1 {91 + number} ")
        for port in (90, 91, 92):
            assert wires.ask("outside", "udp", place, port).startswith(f"pod1 {port} ")
        assert wires.silent("outside", "udp", place, 93)
        assert wires.silent("outside", "tcp", place, 8092)


def test_only_sources_may_ask(wires: Wires, firewall: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    wires.point_to_point("pod2", 3)
    wires.serve("pod1", "tcp/80")
    port = Published("tcp", 8080, 80, sources=(f"{OUTSIDE4}/32", "fd02::/64"))

    firewall.apply(POD, everything("ptp", 2, port))

    assert wires.ask("outside", "tcp", HOST4, 8080) == f"pod1 80 {OUTSIDE4}"
    assert wires.ask("pod2", "tcp", HOST6, 8080).startswith("pod1 80 ")
    assert wires.silent("pod2", "tcp", HOST4, 8080)
    assert wires.silent("outside", "tcp", HOST6, 8080)
    assert wires.silent("", "tcp", "127.0.0.1", 8080)


def test_two_pods_publish_side_by_side(wires: Wires, firewall: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    wires.point_to_point("pod2", 3)
    wires.serve("pod1", "tcp/80")
    wires.serve("pod2", "tcp/80")
    firewall.apply(POD, everything("ptp", 2, Published("tcp", 8080, 80)))
    firewall.apply(OTHER, everything("ptp", 3, Published("tcp", 8081, 80)))

    for place in ("127.0.0.1", "::1", HOST4, HOST6):
        assert wires.ask("", "tcp", place, 8080).startswith("pod1 "), place
        assert wires.ask("", "tcp", place, 8081).startswith("pod2 "), place
    assert wires.ask("pod1", "tcp", HOST4, 8081).startswith("pod2 ")
    assert wires.ask("pod2", "tcp", HOST6, 8080).startswith("pod1 ")

    firewall.remove(POD)
    for place in ("127.0.0.1", "::1"):
        assert wires.silent("", "tcp", place, 8080)
        assert wires.ask("", "tcp", place, 8081).startswith("pod2 ")


def test_a_pod_of_one_family_has_rules_of_one_family(wires: Wires, firewall: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    wires.serve("pod1", "tcp/80")

    firewall.apply(POD, Rules((), (Forward(Published("tcp", 8080, 80), "fd02::2/64"),)))

    assert wires.ask("outside", "tcp", HOST6, 8080) == f"pod1 80 {OUTSIDE6}"
    assert wires.silent("outside", "tcp", HOST4, 8080)
    assert b"172." not in subprocess.check_output(["nft", "list", "ruleset"])
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text(encoding="ascii") == "0\n"


def test_rules_are_replaced_without_a_gap(wires: Wires, firewall: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    wires.serve("pod1", "tcp/80")
    rules = everything("ptp", 2, Published("tcp", 8080, 80))
    firewall.apply(POD, rules)
    with wires.asking("outside", HOST4, 8080) as asker:
        for _ in range(60):
            firewall.apply(POD, rules)

    assert asker.failed == 0
    assert asker.answered > 20


def test_what_a_pod_sends_out_has_an_address_of_the_host(wires: Wires, firewall: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    wires.point_to_point("pod2", 3)
    wires.serve("outside", "tcp/80", "udp/80")
    wires.serve("pod2", "tcp/80")
    assert wires.silent("pod1", "tcp", OUTSIDE4, 80)

    firewall.apply(POD, everything("ptp", 2))

    for protocol in ("tcp", "udp"):
        assert wires.ask("pod1", protocol, OUTSIDE4, 80) == f"outside 80 {HOST4}"
        assert wires.ask("pod1", protocol, OUTSIDE6, 80) == f"outside 80 {HOST6}"
    assert wires.ask("pod1", "tcp", "172.16.28.3", 80) == "pod2 80 172.16.28.2"
    assert wires.ask("pod1", "tcp", "fd02::3", 80) == "pod2 80 fd02::2"
    if "/usr/sbin" in firewall.path:  # rkt's rules for iptables are for the whole network
        assert wires.silent("pod2", "tcp", OUTSIDE4, 80)
