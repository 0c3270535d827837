"""Requests are, byte for byte, what pyroute2 makes of the same; what cannot be is refused."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from rktpy.host.netlink import addresses, links, routes
from rktpy.host.netlink.links import New
from rktpy.host.netlink.routes import Route
from rktpy.host.netlink.wire import NetlinkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.netlink.wire import Request

V4, V6 = int(socket.AF_INET), int(socket.AF_INET6)


def oracle(kind: type[Any], fields: dict[str, int], *attributes: tuple[str, object]) -> bytes:
    """Return what pyroute2 puts behind the header."""
    message = kind()
    for name, value in fields.items():
        message[name] = value
    message["attrs"] = list(attributes)
    message.encode()
    return bytes(message.data)[16:]


def info(kind: str, *data: tuple[str, object]) -> tuple[str, object]:
    inner: list[tuple[str, object]] = [("IFLA_INFO_KIND", kind)]
    if data:
        inner.append(("IFLA_INFO_DATA", {"attrs": list(data)}))
    return ("IFLA_LINKINFO", {"attrs": inner})


def peer(*attributes: tuple[str, object]) -> tuple[str, object]:
    return ("VETH_INFO_PEER", {"attrs": list(attributes)})


UP = {"flags": 1, "change": 1}
LINKS = {
    "veth into a namespace": (
        links.veth(New("v0", 1400, up=True), New("eth0", 1400, namespace=7)),
        oracle(
            ifinfmsg,
            UP,
            ("IFLA_IFNAME", "v0"),
            ("IFLA_MTU", 1400),
            info(
                "veth",
                peer(("IFLA_IFNAME", "eth0"), ("IFLA_MTU", 1400), ("IFLA_NET_NS_FD", 7)),
            ),
        ),
    ),
    "bridge": (
        links.bridge(New("cni0", address=bytes.fromhex("0a580a010001"))),
        oracle(
            ifinfmsg,
            {},
            ("IFLA_IFNAME", "cni0"),
            ("IFLA_ADDRESS", "0a:58:0a:01:00:01"),
            info("bridge"),
        ),
    ),
    "dummy": (
        links.dummy(New("d0")),
        oracle(ifinfmsg, {}, ("IFLA_IFNAME", "d0"), info("dummy")),
    ),
    **{
        f"macvlan {mode}": (
            links.macvlan(New("m0", namespace=3), 4, mode),
            oracle(
                ifinfmsg,
                {},
                ("IFLA_IFNAME", "m0"),
                ("IFLA_NET_NS_FD", 3),
                ("IFLA_LINK", 4),
                info("macvlan", ("IFLA_MACVLAN_MODE", mode)),
            ),
        )
        for mode in links.MACVLAN_MODES
    },
    **{
        f"ipvlan {mode}": (
            links.ipvlan(New("i0"), 4, mode),
            oracle(
                ifinfmsg,
                {},
                ("IFLA_IFNAME", "i0"),
                ("IFLA_LINK", 4),
                info("ipvlan", ("IFLA_IPVLAN_MODE", value)),
            ),
        )
        for mode, value in links.IPVLAN_MODES.items()
    },
    "vlan": (
        links.vlan(New("l0"), 4, 42),
        oracle(
            ifinfmsg,
            {},
            ("IFLA_IFNAME", "l0"),
            ("IFLA_LINK", 4),
            info("vlan", ("IFLA_VLAN_ID", 42)),
        ),
    ),
    "change": (
        links.change(5, up=False, name="eth1", mtu=1280, master=0, namespace=9),
        oracle(
            ifinfmsg,
            {"index": 5, "change": 1},
            ("IFLA_IFNAME", "eth1"),
            ("IFLA_MTU", 1280),
            ("IFLA_NET_NS_FD", 9),
            ("IFLA_MASTER", 0),
        ),
    ),
    "delete": (links.delete(5), oracle(ifinfmsg, {"index": 5})),
}

ADDRESSES = {
    "IPv4": (
        addresses.add(5, "10.1.2.3", 24),
        oracle(
            ifaddrmsg,
            {"family": V4, "prefixlen": 24, "index": 5},
            ("IFA_LOCAL", "10.1.2.3"),
            ("IFA_ADDRESS", "10.1.2.3"),
            ("IFA_BROADCAST", "10.1.2.255"),
        ),
    ),
    "IPv4 alone, no route": (
        addresses.add(5, "10.1.2.3", 32, prefix_route=False),
        oracle(
            ifaddrmsg,
            {"family": V4, "prefixlen": 32, "index": 5},
            ("IFA_LOCAL", "10.1.2.3"),
            ("IFA_ADDRESS", "10.1.2.3"),
            ("IFA_FLAGS", 0x200),
        ),
    ),
    "IPv6": (
        addresses.add(5, "fd00::3", 64),
        oracle(
            ifaddrmsg,
            {"family": V6, "prefixlen": 64, "index": 5},
            ("IFA_LOCAL", "fd00::3"),
            ("IFA_ADDRESS", "fd00::3"),
            ("IFA_FLAGS", 2),
        ),
    ),
    "delete": (
        addresses.delete(5, "fd00::3", 64),
        oracle(
            ifaddrmsg,
            {"family": V6, "prefixlen": 64, "index": 5},
            ("IFA_LOCAL", "fd00::3"),
            ("IFA_ADDRESS", "fd00::3"),
        ),
    ),
}

USUAL = {"family": V4, "table": 254, "proto": 3, "type": 1}
ROUTES = {
    "default": (
        routes.add(Route("", 0, 5, "10.1.2.1")),
        oracle(rtmsg, USUAL, ("RTA_GATEWAY", "10.1.2.1"), ("RTA_OIF", 5)),
    ),
    "on the link": (
        routes.add(Route("10.9.0.0", 16, 5, source="10.1.2.3", scope=routes.LINK_SCOPE)),
        oracle(
            rtmsg,
            USUAL | {"dst_len": 16, "scope": 253},
            ("RTA_DST", "10.9.0.0"),
            ("RTA_PREFSRC", "10.1.2.3"),
            ("RTA_OIF", 5),
        ),
    ),
    "IPv6, onlink, another table": (
        routes.add(Route("fd01::", 48, 5, "fd00::1", priority=7, on_link=True, table=300)),
        oracle(
            rtmsg,
            USUAL | {"family": V6, "dst_len": 48, "flags": 4, "table": 0},
            ("RTA_DST", "fd01::"),
            ("RTA_GATEWAY", "fd00::1"),
            ("RTA_OIF", 5),
            ("RTA_PRIORITY", 7),
            ("RTA_TABLE", 300),
        ),
    ),
    "delete": (
        routes.delete(Route("10.9.0.0", 16, 5)),
        oracle(
            rtmsg,
            {"family": V4, "table": 254, "dst_len": 16, "scope": 255},
            ("RTA_DST", "10.9.0.0"),
            ("RTA_OIF", 5),
        ),
    ),
}


@pytest.mark.parametrize("case", [*LINKS.values(), *ADDRESSES.values(), *ROUTES.values()])
def test_a_request_is_what_pyroute2_makes_of_it(case: tuple[Request, bytes]) -> None:
    request, expected = case

    assert request.body.hex(" ", 4) == expected.hex(" ", 4)


def test_the_header_says_how_long_the_request_is_and_which_one() -> None:
    message = links.delete(5).encode(77)

    assert struct.unpack_from("=IHHII", message) == (len(message), 17, 5, 77, 0)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: New("a" * 16),
        lambda: New(""),
        lambda: New("a/b"),
        lambda: New("eth%d"),
        lambda: New("a b"),
        lambda: links.macvlan(New("m0"), 1, "passthrough"),
        lambda: links.vlan(New("l0"), 1, 4095),
        lambda: addresses.add(1, "10.0.0", 24),
        lambda: addresses.add(1, "10.0.0.1\0", 24),
        lambda: addresses.add(1, "10.0.0.1", 33),
        lambda: routes.add(Route("10.0.0.0", 8, 1, "fd00::1")),
        lambda: routes.add(Route("", 0, 1, "10.0.0.1", "fd00::1")),
    ],
)
def test_what_cannot_be_is_refused_before_the_kernel_sees_it(refused: Callable[[], object]) -> None:
    with pytest.raises(NetlinkError):
        refused()
