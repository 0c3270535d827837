"""Routes, IPv4 and IPv6: requests, and what the kernel tells. Pure.

Sources: linux/rtnetlink.h, rtnetlink(7).
"""

from __future__ import annotations

import _socket
import struct

from rktpy.host.netlink import wire
from rktpy.host.netlink.addresses import pack, packed_prefix, unpack
from rktpy.host.netlink.wire import NetlinkError, Request, attribute, number
from rktpy.value import Value

NEW, DELETE, GET = 24, 25, 26  # RTM_*ROUTE
# struct rtmsg: family, destination and source prefix, TOS, table, protocol, scope, type, flags
_HEAD = struct.Struct("=BBBBBBBBI")
_DESTINATION, _LINK, _GATEWAY, _PRIORITY, _SOURCE, _TABLE = 1, 4, 5, 6, 7, 15  # RTA_*
MAIN_TABLE = 254
_BOOT, _UNICAST, _ON_LINK = 3, 1, 4  # RTPROT_BOOT as ip(8) and the CNI plugins, RTN_, RTNH_F_
EVERYWHERE, LINK_SCOPE, HOST_SCOPE, _NOWHERE = 0, 253, 254, 255  # RT_SCOPE_*; IPv6 has none


class Route(Value):
    """A route. ``destination`` is empty for the default, ``gateway`` where it is on the link,
    ``source`` where the kernel chooses; ``link`` is an index; ``table`` 254 is the main one."""

    destination: str
    prefix: int
    link: int
    gateway: str = ""
    source: str = ""
    priority: int = 0
    scope: int = EVERYWHERE
    on_link: bool = False
    ipv6: bool = False
    table: int = MAIN_TABLE
    kind: int = _UNICAST

    def __str__(self) -> str:
        to = f"{self.destination}/{self.prefix}" if self.destination else "default"
        return to + (f" via {self.gateway}" if self.gateway else "")


def add(route: Route, *, content: bool = False) -> Request:
    """Plan a route; with ``content`` another one to the same destination may stay in its place.

    Raises:
        NetlinkError: an address in it is none, or is not of the family of the others.
    """
    flags = wire.REQUEST | wire.ACK | wire.CREATE | wire.EXCLUSIVE
    body = _body(route, route.scope, _BOOT, route.kind)
    return Request(f"add the route {route}", NEW, flags, body, content)


def replace(route: Route) -> Request:
    """Plan a route in the place of the one to the same destination, if there is one."""
    flags = wire.REQUEST | wire.ACK | wire.CREATE | wire.REPLACE
    body = _body(route, route.scope, _BOOT, route.kind)
    return Request(f"set the route {route}", NEW, flags, body)


def delete(route: Route) -> Request:
    """Plan the end of a route; errors as ``add``."""
    body = _body(route, _NOWHERE, 0, 0)  # that is: of any scope, protocol and type
    return Request(f"remove the route {route}", DELETE, wire.REQUEST | wire.ACK, body)


def every(*, ipv6: bool = False) -> Request:
    """Ask for all routes of one family, of all tables."""
    family = _socket.AF_INET6 if ipv6 else _socket.AF_INET
    body = _HEAD.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    return Request("list routes", GET, wire.REQUEST | wire.DUMP, body)


def toward(address: str) -> Request:
    """Ask which route a packet to ``address`` takes.

    Raises:
        NetlinkError: it is not an address.
    """
    family, packed = pack(address)
    body = _HEAD.pack(family, len(packed) * 8, 0, 0, 0, 0, 0, 0, 0)
    body += attribute(_DESTINATION, packed)
    return Request(f"find the route to {address}", GET, wire.REQUEST, body)


def decode(body: bytes) -> Route:
    """Return the route that the body of a message describes; the first way of one with several.

    Raises:
        NetlinkError: it describes none.
    """
    if len(body) < _HEAD.size:
        raise NetlinkError("the kernel's description of a route is too short")
    family, prefix, _source, _tos, table, _by, scope, kind, flags = _HEAD.unpack_from(body)
    found = wire.attributes(body, _HEAD.size)
    return Route(
        unpack(found.get(_DESTINATION)),
        prefix,
        wire.whole_number(found.get(_LINK)),
        unpack(found.get(_GATEWAY)),
        unpack(found.get(_SOURCE)),
        wire.whole_number(found.get(_PRIORITY)),
        scope,
        bool(flags & _ON_LINK),
        family == _socket.AF_INET6,
        wire.whole_number(found.get(_TABLE)) or table,
        kind,
    )


def _body(route: Route, scope: int, protocol: int, kind: int) -> bytes:
    family = _socket.AF_INET6 if route.ipv6 else _socket.AF_INET
    parts = []
    if route.destination:
        of, packed = packed_prefix(route.destination, route.prefix)
        parts.append((of, _DESTINATION, packed))
        family = of
    for text, attribute_kind in ((route.gateway, _GATEWAY), (route.source, _SOURCE)):
        if text:
            of, packed = pack(text)
            parts.append((of, attribute_kind, packed))
            family = family if route.destination else of
    if any(of != family for of, _, _ in parts):
        raise NetlinkError(f"the route {route} has addresses of IPv4 and of IPv6")
    flags = _ON_LINK if route.on_link else 0
    prefix = route.prefix if route.destination else 0
    table = route.table if route.table < 256 else 0
    head = _HEAD.pack(family, prefix, 0, 0, table, protocol, scope, kind, flags)
    tail = number(_LINK, route.link) if route.link else b""
    tail += number(_PRIORITY, route.priority) if route.priority else b""
    tail += number(_TABLE, route.table) if route.table > 255 else b""
    return head + b"".join(attribute(kind, data) for _, kind, data in parts) + tail
