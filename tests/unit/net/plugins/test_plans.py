"""What plugins plan, without a kernel."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from rktpy.errors import RktError
from rktpy.host.netlink import addresses, links, routes
from rktpy.host.netlink.addresses import Address as Had
from rktpy.host.netlink.links import Link
from rktpy.host.netlink.routes import Route as Way
from rktpy.net.call import Call
from rktpy.net.plugins import addressing, gateways, options, ptp, settings, tuning, veth
from rktpy.net.plugins.bridge import options as bridge_options
from rktpy.net.result import Address, Result, Route

GIVEN = Result(
    (),
    (Address("10.1.2.3/24", "10.1.2.1"), Address("FD00:0::3/64", "fd00::1")),
    (Route("0.0.0.0/0"), Route("10.9.0.0/16", "10.1.2.9"), Route("0.0.0.0/0", "10.1.2.8")),
)


def call(fields: dict[str, Any], arguments: str = "") -> Call:
    return Call("c", "/proc/1/ns/net", "eth0", arguments, "n", "1.0.0", fields)


def test_the_pod_reaches_its_subnet_by_way_of_the_gateway() -> None:
    assert ptp.pod_routes(GIVEN, 5) == [
        Way("10.1.2.1", 32, 5, source="10.1.2.3", scope=routes.LINK_SCOPE),
        Way("10.1.2.0", 24, 5, gateway="10.1.2.1", source="10.1.2.3"),
        Way("fd00::1", 128, 5, source="fd00::3"),
        Way("fd00::", 64, 5, gateway="fd00::1", source="fd00::3"),
        Way("", 0, 5, gateway="10.1.2.1"),
        Way("10.9.0.0", 16, 5, gateway="10.1.2.9"),
    ]
    requests = ptp.pod_requests(GIVEN, 5)
    assert requests[0] == addresses.add(5, "10.1.2.3", 24, prefix_route=False)
    assert requests[2] == links.change(5, up=True)  # after the addresses, before the routes


def test_two_addresses_with_one_gateway_give_the_host_one_address() -> None:
    given = Result((), tuple(Address(f"10.1.2.{n}/24", "10.1.2.1") for n in (3, 4)))

    assert ptp.host_requests(given, 7)[0] == addresses.add(7, "10.1.2.1", 32)
    assert ptp.host_requests(given, 7)[1] == links.change(7, up=True)
    assert ptp.host_routes(given, 7)[1] == Way("10.1.2.4", 32, 7, scope=routes.HOST_SCOPE)


def test_a_repeated_add_meets_its_own_names_and_nobody_elses() -> None:
    names = veth.host_names("c", "eth0")

    assert names == veth.host_names("c", "eth0")
    assert len(set(names + veth.host_names("c", "eth1") + veth.host_names("d", "eth0"))) == 12
    assert all(len(name) == 12 and name.startswith("veth") for name in names)


def test_only_ipv6_has_switches_of_ipv6() -> None:
    assert settings.for_pod_end("eth0", ipv6=False) == ()
    names = [one.name for one in settings.for_pod_end("eth0", ipv6=True)]
    assert "net/ipv6/conf/lo/disable_ipv6" in names


HOME = Link(9, "cni0", "bridge", 1500, True, b"\2\0\0\0\0\1", 0, 0, "")
WANTED = ("fd00::1", 64)


def had(address: str, prefix: int) -> Had:
    return Had(9, address, prefix, 0, False)


def test_a_bridge_gets_its_address_once() -> None:
    assert gateways.changes(HOME, [had(*WANTED)], WANTED, force=False) == []
    assert gateways.changes(HOME, [], WANTED, force=False) == [
        links.change(9, address=HOME.address),  # first: who has the address is not asked again
        addresses.add(9, *WANTED),
    ]


@pytest.mark.parametrize(("other", "clashes"), [
    (("fd01::1", 64), False),
    (("fd00::9", 64), True),
    (("fd00::", 16), True),
    (("fd00::1:0:0:1", 80), True),
    (("10.0.0.1", 8), False),
])  # fmt: skip
def test_addresses_of_other_networks_may_stay(other: tuple[str, int], *, clashes: bool) -> None:
    if clashes:
        with pytest.raises(gateways.BridgeError, match="already has"):
            gateways.changes(HOME, [had(*other)], WANTED, force=False)
    else:
        assert len(gateways.changes(HOME, [had(*other)], WANTED, force=False)) == 2
    forced = gateways.changes(HOME, [had(*other)], WANTED, force=True)
    assert (addresses.delete(9, *other) in forced) == clashes


def test_gateways_and_default_routes_are_completed() -> None:
    given = Result((), (Address("10.1.2.3/24"), Address("fd00::3/64")), (Route("::/0", "fd00::9"),))

    found = gateways.complete(given, bridge_options(call({"isDefaultGateway": True})))

    assert [one.gateway for one in found.addresses] == ["10.1.2.1", "fd00::1"]
    assert found.routes == (Route("::/0", "fd00::9"), Route("0.0.0.0/0", "10.1.2.1"))
    assert gateways.complete(given, bridge_options(call({}))) == given


@pytest.mark.parametrize(("fields", "arguments", "wanted"), [
    ({"mac": "02:00:00:00:00:01"}, "", "020000000001"),
    ({"mac": "02:00:00:00:00:01"}, "IP=10.0.0.1;MAC=02-00-00-00-00-0A", "02000000000a"),
    ({"args": {"cni": {"mac": "02:00:00:00:00:03"}}}, "MAC=02:00:00:00:00:02", "020000000003"),
    ({}, "", ""),
])  # fmt: skip
def test_who_names_the_mac(fields: dict[str, Any], arguments: str, wanted: str) -> None:
    assert options.hardware_address(call(fields, arguments)).hex() == wanted


@pytest.mark.parametrize(
    "mac", ["02", "02:00:00:00:00:001", "02:00:00:00:00:0g", "+1:00:00:00:00:00"]
)
def test_what_is_no_mac_is_refused(mac: str) -> None:
    with pytest.raises(RktError, match="hardware address"):
        options.hardware_address(call({"mac": mac}))


def test_the_name_of_the_link_stands_for_ifname() -> None:
    [one] = tuning.switches(call({"sysctl": {"net.ipv4.conf.IFNAME.rp_filter": "2"}}))

    assert (one.name, one.value) == ("net/ipv4/conf/eth0/rp_filter", "2")


def test_without_wishes_nothing_is_tuned() -> None:
    assert tuning.changes(call({}), 5) == []
    assert tuning.changes(call({"promisc": False, "allmulti": False}), 5) == [
        links.change(5, all_multicast=False)
    ]


def test_the_address_after_the_network() -> None:
    assert addressing.following("10.0.0.255") == "10.0.1.0"
    assert addressing.following("fd00::ffff") == "fd00::1:0"


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, rktpy.net.plugins.ptp, rktpy.net.plugins.bridge; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-Sc", code], capture_output=True, check=True)

    heavy = {b"json", b"re", b"enum", b"ipaddress", b"socket", b"subprocess", b"typing", b"hashlib"}
    assert not heavy & set(done.stdout.split())
