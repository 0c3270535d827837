"""Links: requests that make, change and remove them, and what the kernel tells about them.

Sources: linux/if_link.h, rtnetlink(7). Pure. Names are checked here, since the kernel's own
refusal does not say which name it means.
"""

from __future__ import annotations

import struct

from rktpy.host.netlink import wire
from rktpy.host.netlink.wire import NetlinkError, Request, attribute, number, text
from rktpy.value import Value

NEW, DELETE, GET = 16, 17, 18  # RTM_*LINK
_HEAD = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change

_ADDRESS, _NAME, _MTU, _PARENT, _MASTER = 1, 3, 4, 5, 10  # IFLA_*
_INFO, _NAMESPACE_FD, _EXTENT, _PROMISCUITY = 18, 28, 29, 30
_INFO_KIND, _INFO_DATA = 1, 2
_PEER, _MACVLAN_MODE, _IPVLAN_MODE, _VLAN_ID, _FILTERING = 1, 1, 1, 1, 7
_UP, _PROMISCUOUS, _ALL_MULTICAST = 0x1, 0x100, 0x200  # IFF_*
_WITHOUT_STATISTICS = 8  # RTEXT_FILTER_SKIP_STATS: they are half of what is told

MACVLAN_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}
IPVLAN_MODES = {"l2": 0, "l3": 1, "l3s": 2}


class New(Value):
    """What any new link can have. ``namespace`` is a descriptor of where it is made, -1 for here.

    ``address`` is six bytes, empty for one that the kernel chooses; ``mtu`` is in bytes, 0 for the
    kernel's choice; ``up`` sets the link up at once.
    """

    name: str
    mtu: int = 0
    address: bytes = b""
    namespace: int = -1
    up: bool = False

    def check(self) -> None:
        """Refuse a name that the kernel would refuse, or take for a pattern."""
        size = len(self.name.encode())
        if not 0 < size < 16 or self.name in {".", ".."} or not _good(self.name):
            raise NetlinkError(
                f"{self.name!r} cannot be the name of a link: up to 15 bytes, no space, '/', ':'"
                " or '%'"
            )


class Link(Value):
    """One link. ``master`` and ``parent`` are indices, 0 for none; ``kind`` is empty for lo and
    hardware; ``mode`` is that of a macvlan or ipvlan."""

    index: int
    name: str
    kind: str
    mtu: int
    up: bool
    address: bytes
    master: int
    parent: int
    mode: str
    promiscuous: bool = False
    all_multicast: bool = False
    tag: int = 0  # of a VLAN link
    filtering: bool = False  # a bridge that keeps VLANs apart


def _good(name: str) -> bool:
    return not any(char in "/:%" or char.isspace() or char == "\0" for char in name)


def veth(link: New, peer: New) -> Request:
    """Plan a pair of links; each is made where it belongs, with the name it keeps.

    The peer begins down, whatever ``peer.up``: the kernel sets none up before there are two.
    """
    other = attribute(_PEER, _head(peer.replace(up=False)), _common(peer))
    return _add(f"make the pair of links {link.name!r} and {peer.name!r}", link, "veth", other)


def bridge(link: New, *, filtering: bool = False) -> Request:
    """Plan a bridge; with ``filtering`` it keeps VLANs apart."""
    data = attribute(_FILTERING, b"\1") if filtering else b""
    return _add(f"make the bridge {link.name!r}", link, "bridge", data)


def dummy(link: New) -> Request:
    """Plan a link that goes nowhere."""
    return _add(f"make the dummy link {link.name!r}", link, "dummy")


def macvlan(link: New, parent: int, mode: str = "bridge") -> Request:
    """Plan a link with a hardware address of its own on the link with index ``parent``.

    Raises:
        NetlinkError: there is no such mode.
    """
    data = number(_MACVLAN_MODE, _mode(MACVLAN_MODES, mode, "macvlan"))
    return _add(f"make the macvlan {link.name!r}", link, "macvlan", data, parent)


def ipvlan(link: New, parent: int, mode: str = "l2") -> Request:
    """Plan a link that shares the hardware address of ``parent``; errors as ``macvlan``."""
    data = attribute(_IPVLAN_MODE, struct.pack("=H", _mode(IPVLAN_MODES, mode, "ipvlan")))
    return _add(f"make the ipvlan {link.name!r}", link, "ipvlan", data, parent)


def vlan(link: New, parent: int, tag: int) -> Request:
    """Plan a link for the frames of ``parent`` that carry ``tag``.

    Raises:
        NetlinkError: a tag is between 1 and 4094.
    """
    if not 0 < tag < 4095:
        raise NetlinkError(f"{tag} cannot be the number of a VLAN: 1 to 4094")
    data = attribute(_VLAN_ID, struct.pack("=H", tag))
    return _add(f"make the VLAN link {link.name!r}", link, "vlan", data, parent)


def change(
    index: int,
    *,
    up: bool | None = None,
    name: str = "",
    mtu: int = 0,
    address: bytes = b"",
    master: int = -1,
    namespace: int = -1,
    promiscuous: bool | None = None,
    all_multicast: bool | None = None,
) -> Request:
    """Plan a change of the link ``index``: what is left at its default stays.

    ``master`` 0 takes it off its bridge; ``namespace`` is the descriptor of where it moves.
    """
    said = f"change link {index}" + (f" to {name!r}" if name else "")
    flags = mask = 0
    for bit, wanted in ((_UP, up), (_PROMISCUOUS, promiscuous), (_ALL_MULTICAST, all_multicast)):
        mask |= 0 if wanted is None else bit
        flags |= bit if wanted else 0
    common = _common(New(name or "link", mtu, address, namespace), named=bool(name))
    tail = number(_MASTER, master) if master >= 0 else b""
    body = _HEAD.pack(0, 0, index, flags, mask) + common + tail
    return Request(said, NEW, wire.REQUEST | wire.ACK, body)


def delete(index: int) -> Request:
    """Plan the end of a link, and of its peer."""
    body = _HEAD.pack(0, 0, index, 0, 0)
    return Request(f"remove link {index}", DELETE, wire.REQUEST | wire.ACK, body)


def named(name: str) -> Request:
    """Ask for the link ``name``."""
    body = _HEAD.pack(0, 0, 0, 0, 0) + text(_NAME, New(name).name) + _brief()
    return Request(f"find the link {name!r}", GET, wire.REQUEST, body)


def every() -> Request:
    """Ask for all links."""
    body = _HEAD.pack(0, 0, 0, 0, 0) + _brief()
    return Request("list links", GET, wire.REQUEST | wire.DUMP, body)


def decode(body: bytes) -> Link:
    """Return the link that the body of a message describes.

    Raises:
        NetlinkError: it describes none.
    """
    if len(body) < _HEAD.size:
        raise NetlinkError("the kernel's description of a link is too short")
    _family, _type, index, flags, _change = _HEAD.unpack_from(body)
    found = wire.attributes(body, _HEAD.size)
    info = wire.attributes(found.get(_INFO, b""))
    kind = wire.words(info.get(_INFO_KIND))
    return Link(
        index,
        wire.words(found.get(_NAME)),
        kind,
        wire.whole_number(found.get(_MTU)),
        bool(flags & _UP),
        found.get(_ADDRESS, b""),
        wire.whole_number(found.get(_MASTER)),
        wire.whole_number(found.get(_PARENT)),
        _mode_name(kind, info.get(_INFO_DATA, b"")),
        _PROMISCUOUS & flags | wire.whole_number(found.get(_PROMISCUITY)) > 0,
        bool(flags & _ALL_MULTICAST),
        _tag(kind, info.get(_INFO_DATA, b"")),
        _filters(kind, info.get(_INFO_DATA, b"")),
    )


def _mode_name(kind: str, data: bytes) -> str:
    table = {"macvlan": MACVLAN_MODES, "ipvlan": IPVLAN_MODES}.get(kind)
    if table is None:
        return ""
    value = wire.whole_number(wire.attributes(data).get(_MACVLAN_MODE))
    return next((name for name, known in table.items() if known == value), "")


def _tag(kind: str, data: bytes) -> int:
    return wire.whole_number(wire.attributes(data).get(_VLAN_ID)) if kind == "vlan" else 0


def _filters(kind: str, data: bytes) -> bool:
    return kind == "bridge" and any(wire.attributes(data).get(_FILTERING, b""))


def _mode(table: dict[str, int], mode: str, kind: str) -> int:
    if mode not in table:
        raise NetlinkError(f"{kind} has no mode {mode!r}", hint=f"one of {', '.join(table)}")
    return table[mode]


def _brief() -> bytes:
    return number(_EXTENT, _WITHOUT_STATISTICS)


def _head(link: New) -> bytes:
    flags = _UP if link.up else 0
    return _HEAD.pack(0, 0, 0, flags, flags)


def _common(link: New, *, named: bool = True) -> bytes:
    return b"".join(
        (
            text(_NAME, link.name) if named else b"",
            number(_MTU, link.mtu) if link.mtu else b"",
            attribute(_ADDRESS, link.address) if link.address else b"",
            number(_NAMESPACE_FD, link.namespace) if link.namespace >= 0 else b"",
        )
    )


def _add(says: str, link: New, kind: str, data: bytes = b"", parent: int = 0) -> Request:
    info = text(_INFO_KIND, kind) + (attribute(_INFO_DATA, data) if data else b"")
    body = _head(link) + _common(link) + (number(_PARENT, parent) if parent else b"")
    flags = wire.REQUEST | wire.ACK | wire.CREATE | wire.EXCLUSIVE
    return Request(says, NEW, flags, body + attribute(_INFO, info))
