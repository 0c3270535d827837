"""Tables of nf_tables: whose rules there are, and the end of one.

nft(8) reads everything there is before it does anything, several requests for each table; with the
tables of fifty pods that takes a hundred times what these take. Making rules is left to it.
Sources: linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import errno
import struct

from rktpy.host.netlink import wire
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.wire import NetlinkError, Request

_PROTOCOL = 12  # NETLINK_NETFILTER
_SUBSYSTEM = 10  # NFNL_SUBSYS_NFTABLES
_GET_TABLE, _DELETE_TABLE, _GET_RULE = (_SUBSYSTEM << 8 | number for number in (1, 2, 7))
_BEGIN, _END = 16, 17  # NFNL_MSG_BATCH_*
_INET = 1  # NFPROTO_INET
_HEAD = struct.Struct("=BB2s")  # struct nfgenmsg; the last is in network order
_TABLE = 1  # NFTA_TABLE_NAME and NFTA_RULE_TABLE
_NONE = (errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EINVAL)  # the kernel has no nf_tables


class _Transaction(Request):
    """A request that changes something: alone in a transaction."""

    def encode(self, sequence: int) -> bytes:
        """Return three messages in one."""
        edge = _HEAD.pack(0, 0, struct.pack("!H", _SUBSYSTEM))
        first, last = (Request(self.says, kind, wire.REQUEST, edge) for kind in (_BEGIN, _END))
        return first.encode(sequence) + super().encode(sequence) + last.encode(sequence)


def count() -> dict[str, int]:
    """Return how many rules each table of the family ``inet`` has, by name, unless it has none.

    Raises:
        NetlinkError: the kernel does not say.
    """
    body = _HEAD.pack(_INET, 0, b"\0\0")
    request = Request("list the rules of nftables", _GET_RULE, wire.REQUEST | wire.DUMP, body)
    found: dict[str, int] = {}
    try:
        with Netlink(protocol=_PROTOCOL) as netlink:
            rules = netlink.bodies(request)
    except NetlinkError as error:
        if error.number in _NONE:
            return {}
        raise
    for rule in rules:
        name = wire.words(wire.attributes(rule, _HEAD.size).get(_TABLE))
        found[name] = found.get(name, 0) + 1
    return found


def exists(name: str) -> bool:
    """Return whether there is the table ``name`` of the family ``inet``.

    Raises:
        NetlinkError: the kernel does not say.
    """
    body = _HEAD.pack(_INET, 0, b"\0\0") + wire.text(_TABLE, name)
    request = Request(f"find the table {name!r} of nftables", _GET_TABLE, wire.REQUEST, body)
    try:
        with Netlink(protocol=_PROTOCOL) as netlink:
            netlink.perform(request)
    except NetlinkError as error:
        if error.number == errno.ENOENT or error.number in _NONE:
            return False
        raise
    return True


def delete(name: str) -> None:
    """Take the table ``name`` of the family ``inet`` away with all in it; there may be none.

    Raises:
        NetlinkError: the kernel says no.
    """
    body = _HEAD.pack(_INET, 0, b"\0\0") + wire.text(_TABLE, name)
    says = f"delete the table {name!r} of nftables"
    try:
        with Netlink(protocol=_PROTOCOL) as netlink:
            netlink.perform(_Transaction(says, _DELETE_TABLE, wire.REQUEST | wire.ACK, body))
    except NetlinkError as error:
        if error.number != errno.ENOENT and error.number not in _NONE:
            raise
