"""Connections that the kernel follows (conntrack): listed, and forgotten one by one.

What is known of a connection decides where its packets go, whatever became of the rules meanwhile.
Sources: linux/netfilter/nfnetlink_conntrack.h; ctnetlink_del_conntrack() in
net/netfilter/nf_conntrack_netlink.c.
"""

from __future__ import annotations

import errno
import struct
from _socket import AF_INET, AF_INET6, inet_ntop  # socket itself imports enum

from rktpy.host.netlink import wire
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.wire import NetlinkError, Request
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

UDP = 17
_PROTOCOL = 12  # NETLINK_NETFILTER
_SUBSYSTEM = 1  # NFNL_SUBSYS_CTNETLINK
_GET, _DELETE = (_SUBSYSTEM << 8 | number for number in (1, 2))
_HEAD = struct.Struct("=BBH")  # struct nfgenmsg
_PORT = struct.Struct("!H")
_ASKED, _ANSWERED, _ID, _ZONE = 1, 2, 12, 18  # CTA_*
_ADDRESSES, _NUMBERS = 1, 2  # CTA_TUPLE_*
_OF_FAMILY = {AF_INET: (1, 2), AF_INET6: (3, 4)}  # CTA_IP_*: source, destination
_NUMBER, _SOURCE_PORT, _PORT_ASKED = 1, 2, 3  # CTA_PROTO_*
_NONE = (errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EINVAL)  # the kernel lists none


class End(Value):
    """One way of a connection: addresses, as the kernel spells them, and ports."""

    source: str
    source_port: int
    destination: str
    port: int


class Flow(Value):
    """A connection: what its first packet had on it, and what answers have, which differs where
    something is translated. ``key`` is how the kernel finds it again."""

    protocol: int
    asked: End
    answered: End
    family: int
    key: bytes


def flows(protocol: int) -> tuple[Flow, ...]:
    """Return all connections of a protocol (IPPROTO_*) in our network namespace; none where the
    kernel does not tell.

    Raises:
        NetlinkError: it should have.
    """
    found: list[Flow] = []
    for family in _OF_FAMILY:
        body = _HEAD.pack(family, 0, 0)
        request = Request("list connections", _GET, wire.REQUEST | wire.DUMP, body)
        try:
            with Netlink(protocol=_PROTOCOL) as netlink:
                listed = netlink.bodies(request)
        except NetlinkError as error:
            if error.number in _NONE:
                return ()
            raise
        for one in listed:
            flow = decode(one)
            if flow is not None and flow.protocol == protocol:
                found.append(flow)
    return tuple(found)


def forget(unwanted: Iterable[Flow]) -> None:
    """Have the kernel forget ``unwanted``; some may have ended.

    Raises:
        NetlinkError: the kernel says no.
    """
    with Netlink(protocol=_PROTOCOL) as netlink:
        for flow in unwanted:
            try:
                netlink.perform(deletion(flow))
            except NetlinkError as error:
                if error.number != errno.ENOENT:
                    raise


def deletion(flow: Flow) -> Request:
    """Plan the end of ``flow``, not of another one that took its place."""
    body = _HEAD.pack(flow.family, 0, 0) + flow.key
    return Request("forget a connection", _DELETE, wire.REQUEST | wire.ACK, body)


def decode(body: bytes) -> Flow | None:
    """Return the connection that a message of the kernel tells of, None if it has no ports.

    Raises:
        NetlinkError: the message makes no sense.
    """
    found = wire.attributes(body, _HEAD.size)
    family = body[0]
    if family not in _OF_FAMILY:
        return None
    asked, answered = (_end(family, found.get(kind, b"")) for kind in (_ASKED, _ANSWERED))
    if asked is None or answered is None:
        return None
    key = b"".join(
        wire.attribute(kind, found[kind]) for kind in (_ASKED, _ZONE, _ID) if kind in found
    )
    return Flow(asked[0], asked[1], answered[1], family, key)


def _end(family: int, tuple_: bytes) -> tuple[int, End] | None:
    parts = wire.attributes(tuple_)
    addresses, numbers = (wire.attributes(parts.get(kind, b"")) for kind in (_ADDRESSES, _NUMBERS))
    try:
        source, destination = (inet_ntop(family, addresses[kind]) for kind in _OF_FAMILY[family])
        ports = [_PORT.unpack(numbers[kind])[0] for kind in (_SOURCE_PORT, _PORT_ASKED)]
    except (KeyError, ValueError, struct.error):
        return None
    return wire.whole_number(numbers.get(_NUMBER)), End(source, ports[0], destination, ports[1])
