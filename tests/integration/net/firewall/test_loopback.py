"""What it takes to reach pods from the host's loopback does not open the host to pods."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from rktpy.host import syscalls
from rktpy.net.firewall import applying, loopback, sysctls
from rktpy.net.rules import Forward, Published, Rules
from tests.support.wires import OUTSIDE4, OUTSIDE6, Wires, ip

if TYPE_CHECKING:
    from tests.integration.net.firewall.conftest import Firewall

ONE, TWO = "6b1c2d3e-0000-4000-8000-000000000001", "7c1c2d3e-0000-4000-8000-000000000002"


def rules(number: int, port: int) -> Rules:
    published = Published("tcp", port, 80)
    own = (f"10.1.1.{number}/24", f"fd03::{number}/64")
    return Rules((), tuple(Forward(published, address) for address in own))


def local_routes() -> str:
    return subprocess.check_output(
        ["ip", "-6", "route", "show", "table", "local", "::1"],
        text=True,
    )


def inside(name: str, *words: str) -> None:
    subprocess.run(["ip", "netns", "exec", name, *words], check=True)


def test_a_pod_cannot_reach_what_the_host_has_on_loopback(wires: Wires, firewall: Firewall) -> None:
    wires.bridged("pod1", 2)
    wires.bridged("pod2", 3)
    wires.serve("", "tcp/99")
    firewall.apply(ONE, rules(2, 8080))
    for name in ("pod1", "pod2"):
        ip("-n", name, "addr", "del", "127.0.0.1/8", "dev", "lo")
        ip("-n", name, "route", "add", "127.0.0.0/8", "via", "10.1.1.1")
        inside(name, "sysctl", "-qw", "net.ipv4.conf.eth0.route_localnet=1")

    assert wires.silent("pod1", "tcp", "127.0.0.1", 99)
    assert wires.silent("pod2", "tcp", "127.0.0.1", 99)

    # It is the guard that keeps them out.
    for guard in (f"inet rkt-{ONE} guard", f"ip raw RKT-PFWD-RAW-{ONE[:8]}"):
        subprocess.run(["nft", "flush", "chain", *guard.split()], check=False)
    assert wires.ask("pod1", "tcp", "127.0.0.1", 99) == "host 99 10.1.1.2"


def test_the_last_pod_of_a_bridge_closes_it(wires: Wires, firewall: Firewall) -> None:
    wires.bridged("pod1", 2)
    wires.bridged("pod2", 3)
    before = local_routes()
    for number, uuid in ((2, ONE), (3, TWO)):
        firewall.apply(uuid, rules(number, 8000 + number))
        firewall.apply(uuid, rules(number, 8000 + number))
    assert len(local_routes().splitlines()) == len(before.splitlines()) + 1

    firewall.remove(ONE)
    assert sysctls.takes_loopback("br0")
    assert firewall.missing({TWO: rules(3, 8003)}) == []
    assert local_routes() != before

    firewall.remove(TWO)
    assert not sysctls.takes_loopback("br0")
    assert local_routes() == before
    assert [names for _, _, names in os.walk(loopback.DIRECTORY) if names] == []


def test_a_bridge_of_that_name_in_another_network_namespace_is_another(wires: Wires) -> None:
    wires.bridged("pod1", 2)
    child = os.fork()
    if child == 0:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        ip("link", "add", "br0", "type", "bridge")
        ip("addr", "add", "10.1.1.1/24", "dev", "br0")
        ip("link", "set", "br0", "up")
        applying.apply(TWO, rules(3, 8003))
        os._exit(0 if sysctls.takes_loopback("br0") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    applying.apply(ONE, rules(2, 8002))
    assert sysctls.takes_loopback("br0")

    applying.remove(ONE)

    assert not sysctls.takes_loopback("br0")


def test_a_link_that_an_older_version_opened_is_guarded_and_closed(wires: Wires) -> None:
    wires.bridged("pod1", 2)
    applying.apply(ONE, rules(2, 8002))
    for family in ("ipv4", "ipv6"):
        (place,) = Path(loopback.DIRECTORY, family).iterdir()
        place.rename(place.with_name("br0"))
    Path(loopback.DIRECTORY, "pods", ONE).write_text("ipv4 br0\nipv6 br0\n")
    wires.bridged("pod2", 3)
    applying.apply(TWO, rules(3, 8003))
    applying.remove(TWO)
    assert sysctls.takes_loopback("br0")

    applying.apply(ONE, rules(2, 8002))
    assert applying.missing({ONE: rules(2, 8002)}) == []
    assert "guard" in subprocess.check_output(["nft", "list", "ruleset"], text=True)
    applying.remove(ONE)

    assert not sysctls.takes_loopback("br0")


def test_rules_that_need_it_no_longer_close_it(wires: Wires, firewall: Firewall) -> None:
    wires.bridged("pod1", 2)
    firewall.apply(ONE, rules(2, 8080))
    firewall.apply(ONE, Rules((), (Forward(Published("tcp", 1, 1, "10.1.1.1"), "10.1.1.2/24"),)))

    assert not sysctls.takes_loopback("br0")


def test_what_the_administrator_opened_stays_open(wires: Wires, firewall: Firewall) -> None:
    wires.bridged("pod1", 2)
    wires.serve("pod1", "tcp/80")
    sysctls.take_loopback("br0")

    firewall.apply(ONE, rules(2, 8080))
    assert b"127.0.0.0/8" not in subprocess.check_output(["nft", "list", "ruleset"])
    assert wires.ask("", "tcp", "127.0.0.1", 8080) == "pod1 80 10.1.1.1"
    firewall.remove(ONE)

    assert sysctls.takes_loopback("br0")


def test_a_link_that_is_gone_is_no_hindrance(wires: Wires, firewall: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    wanted = Rules((), (Forward(Published("tcp", 8080, 80), "172.16.28.2/24"),))
    firewall.apply(ONE, wanted)
    ip("link", "delete", "veth2")

    assert firewall.missing({ONE: wanted}) == []
    firewall.remove(ONE)


def test_links_to_gateways_stay_shut(wires: Wires, firewall: Firewall) -> None:
    """A pod that the host does not reach directly, such as one with a macvlan, opens nothing."""
    before = local_routes()
    for family, gateway in (("-4", OUTSIDE4), ("-6", OUTSIDE6)):
        ip(family, "route", "replace", "default", "via", gateway)

    firewall.apply(ONE, rules(2, 8080))

    assert local_routes() == before
    for name in os.listdir("/proc/sys/net/ipv4/conf"):
        assert not sysctls.takes_loopback(name), name
