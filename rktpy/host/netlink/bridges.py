"""What links are as ports of a bridge: requests. Pure.

Sources: linux/if_bridge.h, linux/if_link.h. A port must be one (``links.change(master=…)``) before
anything here is asked of it.
"""

from __future__ import annotations

import _socket
import struct

from rktpy.host.netlink import wire
from rktpy.host.netlink.links import NEW
from rktpy.host.netlink.wire import NetlinkError, Request, attribute, text

_SET = 19  # RTM_SETLINK
_HEAD = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
_INFO, _INFO_PORT_KIND, _INFO_PORT_DATA = 18, 4, 5  # IFLA_LINKINFO, IFLA_INFO_SLAVE_*
_HAIRPIN = 4  # IFLA_BRPORT_MODE
_OF_FAMILY, _FLAGS, _VLAN = 26, 0, 2  # IFLA_AF_SPEC, IFLA_BRIDGE_FLAGS, IFLA_BRIDGE_VLAN_INFO
_MASTER, _SELF = 1, 2
_PVID, _UNTAGGED = 2, 4
_BRIDGE = 7  # AF_BRIDGE


def hairpin(port: int, *, on: bool) -> Request:
    """Plan whether frames may leave by the port with index ``port`` by which they came."""
    data = attribute(_HAIRPIN, bytes([on]))
    info = text(_INFO_PORT_KIND, "bridge") + attribute(_INFO_PORT_DATA, data)
    body = _HEAD.pack(_socket.AF_UNSPEC, 0, port, 0, 0) + attribute(_INFO, info)
    return Request(f"set the hairpin mode of link {port}", NEW, wire.REQUEST | wire.ACK, body)


def member(port: int, tag: int) -> Request:
    """Plan that the port with index ``port`` is of the VLAN ``tag``, its own frames without tag.

    Raises:
        NetlinkError: a tag is between 1 and 4094.
    """
    return _member(port, tag, _MASTER, _PVID | _UNTAGGED)


def itself(bridge: int, tag: int) -> Request:
    """Plan that the bridge with index ``bridge`` gets the frames of the VLAN ``tag`` itself, with
    their tag, as a VLAN link on it needs; errors as ``member``."""
    return _member(bridge, tag, _SELF, 0)


def _member(link: int, tag: int, whose: int, flags: int) -> Request:
    if not 0 < tag < 4095:
        raise NetlinkError(f"{tag} cannot be the number of a VLAN: 1 to 4094")
    number = struct.Struct("=H").pack
    vlan = attribute(_VLAN, struct.pack("=HH", flags, tag))
    spec = attribute(_OF_FAMILY, attribute(_FLAGS, number(whose)), vlan)
    body = _HEAD.pack(_BRIDGE, 0, link, 0, 0) + spec
    return Request(f"put link {link} into the VLAN {tag}", _SET, wire.REQUEST | wire.ACK, body)
