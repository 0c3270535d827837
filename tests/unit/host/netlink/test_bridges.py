"""Requests about ports of bridges are, byte for byte, what pyroute2 makes of the same."""

from __future__ import annotations

import socket

import pytest
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from rktpy.host.netlink import bridges, links, wire
from rktpy.host.netlink.wire import NetlinkError
from tests.unit.host.netlink.test_requests import oracle

PORT = {"index": 5}


def test_hairpin_mode() -> None:
    port = ("IFLA_INFO_SLAVE_DATA", {"attrs": [("IFLA_BRPORT_MODE", 1)]})
    info = ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_SLAVE_KIND", "bridge"), port]})

    assert bridges.hairpin(5, on=True).body.hex() == oracle(ifinfmsg, PORT, info).hex()


def test_filtering_of_vlans() -> None:
    data = ("IFLA_INFO_DATA", {"attrs": [("IFLA_BR_VLAN_FILTERING", 1)]})
    info = ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", "bridge"), data]})
    wanted = oracle(ifinfmsg, {}, ("IFLA_IFNAME", "br0"), info)

    assert links.bridge(links.New("br0"), filtering=True).body.hex() == wanted.hex()
    for filtering in (True, False):
        body = links.bridge(links.New("br0"), filtering=filtering).body
        assert links.decode(body).filtering == filtering


def test_a_port_of_a_vlan() -> None:
    vlan = {"vid": 100, "flags": 6}  # PVID, untagged
    spec = ("IFLA_AF_SPEC", {"attrs": [
        ("IFLA_BRIDGE_FLAGS", 1), ("IFLA_BRIDGE_VLAN_INFO", vlan),
    ]})  # fmt: skip
    wanted = oracle(ifinfmsg, PORT | {"family": int(socket.AF_BRIDGE)}, spec)

    request = bridges.member(5, 100)

    assert (request.kind, request.body.hex()) == (19, wanted.hex())


def test_a_bridge_that_is_in_a_vlan_itself() -> None:
    vlan = {"vid": 100, "flags": 0}
    spec = ("IFLA_AF_SPEC", {"attrs": [
        ("IFLA_BRIDGE_FLAGS", 2), ("IFLA_BRIDGE_VLAN_INFO", vlan),
    ]})  # fmt: skip
    wanted = oracle(ifinfmsg, PORT | {"family": int(socket.AF_BRIDGE)}, spec)

    assert bridges.itself(5, 100).body.hex() == wanted.hex()


@pytest.mark.parametrize("tag", [0, 4095])
def test_a_vlan_that_cannot_be_is_refused(tag: int) -> None:
    with pytest.raises(NetlinkError, match="1 to 4094"):
        bridges.member(5, tag)


@pytest.mark.parametrize(
    ("request_", "flags", "change"),
    [
        (links.change(5, up=False), 0, 1),
        (links.change(5, up=True, promiscuous=True), 0x101, 0x101),
        (links.change(5, promiscuous=False, all_multicast=True), 0x200, 0x300),
    ],
)
def test_switches_of_a_link(request_: wire.Request, flags: int, change: int) -> None:
    assert request_.body == oracle(ifinfmsg, PORT | {"flags": flags, "change": change})
