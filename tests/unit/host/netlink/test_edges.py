"""What only the rare message has: flags, nested attributes, odd lengths."""

from __future__ import annotations

import struct

import pytest

from rktpy.host.netlink import addresses, links, routes, wire
from rktpy.host.netlink.links import New
from rktpy.host.netlink.routes import Route
from rktpy.host.netlink.wire import NetlinkError, attribute

LOCAL = bytes.fromhex("fd000000000000000000000000000003")


def address(short: int, *more: bytes) -> addresses.Address:
    head = struct.pack("=BBBBI", 10, 64, short, 0, 4)
    return addresses.decode(head + attribute(1, LOCAL) + b"".join(more))


def test_an_ipv6_address_is_in_one_attribute_and_its_flags_in_another() -> None:
    assert address(0) == addresses.Address(4, "fd00::3", 64, 0, tentative=False)
    assert address(0x40).tentative
    assert address(0, wire.number(8, 0x240)).tentative
    assert not address(0x40, wire.number(8, 0x200)).tentative  # the long ones count


@pytest.mark.parametrize(("prefix", "has"), [(30, True), (31, False), (32, False)])
def test_a_network_without_room_has_no_broadcast_address(prefix: int, *, has: bool) -> None:
    body = addresses.add(1, "10.0.0.1", prefix).body

    assert (4 in wire.attributes(body, 8)) == has


def test_without_prefix_route_says_so() -> None:
    for text, bits in (("10.0.0.1", 0x200), ("fd00::1", 0x202)):
        body = addresses.add(1, text, 24, prefix_route=False).body
        assert wire.whole_number(wire.attributes(body, 8)[8]) == bits


@pytest.mark.parametrize("name", ["é" * 8, "a" * 16])
def test_names_are_measured_in_bytes(name: str) -> None:
    with pytest.raises(NetlinkError, match="15 bytes"):
        New(name)
    assert New("é" * 7).name == "é" * 7


@pytest.mark.parametrize("tag", [-1, 0, 4095])
def test_a_tag_that_no_vlan_has_is_refused(tag: int) -> None:
    with pytest.raises(NetlinkError, match="1 to 4094"):
        links.vlan(New("v0"), 1, tag)


def test_a_peer_begins_down_and_descriptor_zero_is_one() -> None:
    down = links.veth(New("v0"), New("v1", namespace=0))

    assert links.veth(New("v0"), New("v1", namespace=0, up=True)).body == down.body
    assert wire.number(28, 0) in down.body


def test_links_are_asked_for_without_statistics() -> None:
    for request in (links.named("eth0"), links.every()):
        assert request.body.endswith(wire.number(29, 8))


def test_an_ipv6_route_of_a_far_table_is_read() -> None:
    wanted = Route("fd01::", 48, 5, "fd00::1", ipv6=True, table=300, kind=6)
    head = struct.pack("=BBBBBBBBI", 10, 48, 0, 0, 252, 3, 0, 6, 0)
    gateway = bytes.fromhex("fd00") + bytes(13) + b"\1"
    parts = (
        attribute(1, bytes.fromhex("fd01") + bytes(14)),
        wire.number(4, 5),
        attribute(5, gateway),
        wire.number(15, 300),
    )

    assert routes.decode(head + b"".join(parts)) == wanted


@pytest.mark.parametrize("scope", [routes.EVERYWHERE, routes.LINK_SCOPE, routes.HOST_SCOPE])
def test_the_scope_of_a_route_goes_there_and_back(scope: int) -> None:
    wanted = Route("10.9.0.0", 16, 5, scope=scope)

    assert routes.decode(routes.add(wanted).body) == wanted


def test_a_route_is_made_once_only() -> None:
    assert routes.add(Route("10.9.0.0", 16, 5)).flags & wire.EXCLUSIVE


def test_addresses_of_two_families_do_not_make_a_route() -> None:
    for wrong in (
        Route("10.0.0.0", 8, 1, source="fd00::1"),
        Route("fd00::", 8, 1, source="10.0.0.1"),
        Route("10.0.0.0", 8, 1, "10.0.0.1", "fd00::1"),
    ):
        with pytest.raises(NetlinkError, match="IPv4 and of IPv6"):
            routes.add(wrong)


def test_marks_of_an_attribute_are_not_its_kind() -> None:
    assert wire.attributes(attribute(0x8000 | 5, b"abcd") + attribute(0x4000 | 6, b"efgh")) == {
        5: b"abcd",
        6: b"efgh",
    }


@pytest.mark.parametrize("size", [0, 4, 15])
def test_a_message_shorter_than_its_header_is_no_endless_loop(size: int) -> None:
    with pytest.raises(NetlinkError, match="longer than the answer"):
        list(wire.messages(struct.pack("=IHHII", size, 3, 0, 1, 0) * 2))
