"""Tables of nf_tables: made whole, counted, taken away.

nft(8) is a process, and reads everything there is before it does anything, several requests for
each table; with the tables of fifty pods that takes a hundred times what these take.
Sources: linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import errno
import struct

from rktpy.host.netlink import wire
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.expressions import element, nested, numbers
from rktpy.host.netlink.wire import NetlinkError, Request
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROTOCOL = 12  # NETLINK_NETFILTER
_SUBSYSTEM = 10  # NFNL_SUBSYS_NFTABLES
(
    _NEW_TABLE, _GET_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE, _GET_RULE, _NEW_SET,
    _NEW_ELEMENTS,
) = (_SUBSYSTEM << 8 | number for number in (0, 1, 2, 3, 6, 7, 9, 12))  # fmt: skip
_BEGIN, _END = 16, 17  # NFNL_MSG_BATCH_*
_INET = 1  # NFPROTO_INET
_HEAD = struct.Struct("=BB2s")  # struct nfgenmsg; the last is in network order
_TABLE = 1  # NFTA_TABLE_NAME and NFTA_RULE_TABLE
_NONE = (errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EINVAL)  # the kernel has no nf_tables


_ACCEPT = 1  # NF_ACCEPT
_ANONYMOUS_MAP = 1 | 2 | 8  # NFT_SET_ANONYMOUS, _CONSTANT, _MAP
_PORT_TYPE, _PORT_SIZE = 13, 2  # nft(8)'s number for inet_service; bytes
_ELEMENTS = 1000  # of a map in one message: an attribute has at most 64 KiB


class Chain(Value):
    """A chain with its rules (``expressions``); without ``hook`` one to jump to.

    ``hook`` is where packets come by: NF_INET_* and the priority among all that are there. ``type``
    is the kernel's word for what it may do then.
    """

    name: str
    rules: tuple[bytes, ...]
    type: str = ""
    hook: tuple[int, int] | None = None


class PortMap(Value):
    """Ports, and the port that each leads to. ``name`` is one with %d for a number."""

    name: str
    pairs: tuple[tuple[int, int], ...]


class Transaction(Request):
    """Changes that happen all together or not at all."""

    changes: tuple[Request, ...] = ()

    def encode(self, sequence: int) -> bytes:
        """Return all messages; the kernel answers the last one, or each that it refuses."""
        edge = _HEAD.pack(0, 0, struct.pack("!H", _SUBSYSTEM))
        begin, end = (Request(self.says, kind, wire.REQUEST, edge) for kind in (_BEGIN, _END))
        *rest, last = self.changes
        answered = last.replace(flags=last.flags | wire.ACK)
        return b"".join(one.encode(sequence) for one in (begin, *rest, answered, end))


def make(
    name: str, chains: Sequence[Chain], maps: Sequence[PortMap] = (), *, replace: bool = True
) -> Transaction:
    """Plan the table ``name`` of the family ``inet`` with ``chains`` and nothing else.

    Rules know the maps by name and place in ``maps``, counted from 1. Without ``replace`` there
    must be none before: that saves a wait for all processors (RCU).
    """
    says = f"make the table {name!r} of nftables"
    table = wire.text(_TABLE, name)
    parts = [(_NEW_TABLE, wire.CREATE, table)]
    if replace:  # there may be none: then the first one is what is deleted
        parts += [(_DELETE_TABLE, 0, table), (_NEW_TABLE, wire.CREATE, table)]
    parts += [(_NEW_CHAIN, wire.CREATE, table + _chain(chain)) for chain in chains]
    for number, one in enumerate(maps, 1):
        parts += [(kind, wire.CREATE, table + body) for kind, body in _map(one, number)]
    for chain in chains:
        named = table + wire.text(2, chain.name)
        parts += [
            (_NEW_RULE, wire.CREATE | wire.APPEND, named + nested(4, rule)) for rule in chain.rules
        ]
    return _transaction(says, parts)


def _chain(chain: Chain) -> bytes:
    named = wire.text(3, chain.name)
    if chain.hook is None:
        return named
    hook = nested(4, *numbers(*chain.hook))
    return named + hook + b"".join(numbers(_ACCEPT, start=5)) + wire.text(7, chain.type)


def _map(one: PortMap, number: int) -> Iterator[tuple[int, bytes]]:
    """Yield messages that make a map and fill it, without the name of the table."""
    named = wire.text(2, one.name)
    sizes = numbers(
        _ANONYMOUS_MAP, _PORT_TYPE, _PORT_SIZE, _PORT_TYPE, _PORT_SIZE, start=3
    )  # flags, then type and size of keys and of values
    yield _NEW_SET, b"".join((named, *sizes, *numbers(number, start=10)))
    for start in range(0, len(one.pairs), _ELEMENTS):
        elements = [element(*pair) for pair in one.pairs[start : start + _ELEMENTS]]
        yield _NEW_ELEMENTS, named + nested(3, *elements) + b"".join(numbers(number, start=4))


def _transaction(says: str, parts: Sequence[tuple[int, int, bytes]]) -> Transaction:
    head = _HEAD.pack(_INET, 0, b"\0\0")
    changes = tuple(
        Request(says, kind, wire.REQUEST | flags, head + body) for kind, flags, body in parts
    )
    return Transaction(says, _NEW_TABLE, wire.REQUEST | wire.ACK, b"", changes=changes)


def carry_out(transaction: Transaction) -> None:
    """Have the kernel do it.

    Raises:
        NetlinkError: it says no, and nothing has changed; see ``is_lacking``.
    """
    with Netlink(protocol=_PROTOCOL, large=True) as netlink:
        netlink.perform(transaction)


def is_lacking(error: NetlinkError) -> bool:
    """Return whether the kernel has no nf_tables, or not all that a transaction needs."""
    return error.number in (*_NONE, errno.ENOENT)


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
    says = f"delete the table {name!r} of nftables"
    try:
        with Netlink(protocol=_PROTOCOL) as netlink:
            netlink.perform(_transaction(says, [(_DELETE_TABLE, 0, wire.text(_TABLE, name))]))
    except NetlinkError as error:
        if error.number != errno.ENOENT and error.number not in _NONE:
            raise
