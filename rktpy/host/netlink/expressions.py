"""What a rule of nf_tables is made of: expressions that match, and what is done then. Bytes only.

A rule is some of these, joined; the first that does not match ends it. Values pass from one
expression to the next in registers of 16 bytes, of which two are used here, and numbers are in
network order. Rules are meant for tables of the family ``inet``: what looks at an address must
come after ``family``. Sources: linux/netfilter/nf_tables.h; net/netfilter/nft_*.c.
"""

from __future__ import annotations

import struct

from rktpy.host.netlink import wire
from rktpy.host.netlink.addresses import pack

_NESTED = 0x8000  # NLA_F_NESTED
_ELEMENT = 1  # NFTA_LIST_ELEM
_NAME, _DATA = 1, 2  # NFTA_EXPR_*
_VALUE, _VERDICT = 1, 2  # NFTA_DATA_*
_DROP, _JUMP = 0, -3  # NF_DROP, NFT_JUMP
_CODE, _CHAIN = 1, 2  # NFTA_VERDICT_*
_VERDICT_REGISTER, _FIRST, _SECOND = 0, 1, 2  # NFT_REG_*
_EQUAL, _OTHER, _AT_MOST, _AT_LEAST = 0, 1, 3, 5  # NFT_CMP_*
_NETWORK, _TRANSPORT = 1, 2  # NFT_PAYLOAD_*_HEADER
_LINK, _FAMILY, _PROTOCOL = 4, 15, 16  # NFT_META_IIF, _NFPROTO, _L4PROTO
_STATUS, _DNAT_DONE = 2, 1 << 5  # NFT_CT_STATUS, IPS_DST_NAT
_ADDRESS_TYPE, _OF_SOURCE, _OF_DESTINATION = 3, 1, 2  # NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_*
_LOCAL = 2  # RTN_LOCAL
_TO_DESTINATION = 1  # NFT_NAT_DNAT
_FAMILIES = (2, 10)  # NFPROTO_IPV4, NFPROTO_IPV6
_PLACES = {False: (12, 16), True: (8, 24)}  # of source and destination in the header of IPv4, IPv6
_PORT_PLACE = 2  # of the destination port, in the headers of tcp, udp and sctp
_NUMBER = struct.Struct("!i")
_PORT = struct.Struct("!H")


def link(index: int) -> bytes:
    """It came by the link ``index``."""
    return _meta(_LINK) + _compare(_EQUAL, struct.pack("=I", index))


def family(*, ipv6: bool) -> bytes:
    """It is IPv4, or IPv6."""
    return _meta(_FAMILY) + _compare(_EQUAL, bytes((_FAMILIES[ipv6],)))


def source(network: str) -> bytes:
    """It comes from ``network`` (CIDR; an address stands alone)."""
    return _address(network, 0, _EQUAL)


def destination(network: str, *, other: bool = False) -> bytes:
    """It goes to ``network``, or with ``other`` anywhere else."""
    return _address(network, 1, _OTHER if other else _EQUAL)


def protocol(number: int) -> bytes:
    """It has that IP protocol. What looks at ports must come after this."""
    return _meta(_PROTOCOL) + _compare(_EQUAL, bytes((number,)))


def ports(first: int, last: int) -> bytes:
    """It goes to one of these ports."""
    if first == last:
        return _port() + _compare(_EQUAL, _PORT.pack(first))
    bounds = _compare(_AT_LEAST, _PORT.pack(first)) + _compare(_AT_MOST, _PORT.pack(last))
    return _port() + bounds


def to_host() -> bytes:
    """It goes to an address of the host's."""
    return _local(_OF_DESTINATION)


def from_host() -> bytes:
    """It comes from an address of the host's."""
    return _local(_OF_SOURCE)


def translated() -> bytes:
    """Its destination has been translated (``dnat``)."""
    loaded = _expression("ct", *numbers(_FIRST, _STATUS))
    bit, nothing = struct.pack("=I", _DNAT_DONE), bytes(4)
    return loaded + _mask(bit) + _compare(_OTHER, nothing)


def drop() -> bytes:
    """That is the end of it."""
    return _verdict(*numbers(_DROP, start=_CODE))


def jump(chain: str) -> bytes:
    """The rules of ``chain`` go on, and if none of them ends it, the next one here."""
    return _verdict(*numbers(_JUMP, start=_CODE), wire.text(_CHAIN, chain))


def masquerade() -> bytes:
    """It leaves with an address of the host's; no rule of another NAT chain is asked."""
    return _expression("masq")


def dnat(address: str, port: int = 0) -> bytes:
    """It goes to ``address`` instead, and to ``port`` there unless that is 0; then as above."""
    return _load(_SECOND, _PORT.pack(port)) + _dnat(address, port=True) if port else _dnat(address)


def dnat_by_map(address: str, name: str, number: int) -> bytes:
    """As ``dnat``, to the port that the map ``name`` has for its own one; ``number`` is what the
    map is called in the transaction that makes it."""
    found = _expression("lookup", wire.text(1, name), *numbers(_FIRST, _SECOND, number, start=2))
    return _port() + found + _dnat(address, port=True)


def element(*pair: int) -> bytes:
    """Return an element of a map from port to port."""
    return nested(_ELEMENT, *(_value(kind, _PORT.pack(port)) for kind, port in enumerate(pair, 1)))


def numbers(*values: int, start: int = 1) -> list[bytes]:
    """Return an attribute for each number, of 32 bits in network order; kinds go on from ``start``
    as the values do."""
    return [wire.attribute(kind, _NUMBER.pack(value)) for kind, value in enumerate(values, start)]


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that consists of others."""
    return wire.attribute(kind | _NESTED, *attributes)


def _value(kind: int, data: bytes) -> bytes:
    return nested(kind, wire.attribute(_VALUE, data))


def _expression(name: str, *attributes: bytes) -> bytes:
    return nested(_ELEMENT, wire.text(_NAME, name), nested(_DATA, *attributes))


def _meta(key: int) -> bytes:
    return _expression("meta", *numbers(_FIRST, key))


def _port() -> bytes:
    return _payload(_TRANSPORT, _PORT_PLACE, 2)


def _payload(base: int, offset: int, size: int) -> bytes:
    return _expression("payload", *numbers(_FIRST, base, offset, size))


def _compare(operator: int, data: bytes) -> bytes:
    return _expression("cmp", *numbers(_FIRST, operator), _value(3, data))


def _mask(mask: bytes) -> bytes:
    changed = bytes(len(mask))
    return _expression(
        "bitwise", *numbers(_FIRST, _FIRST, len(mask)), _value(4, mask), _value(5, changed)
    )


def _address(network: str, which: int, operator: int) -> bytes:
    text, _, length = network.partition("/")
    _, packed = pack(text)
    bits = 8 * len(packed)
    loaded = _payload(_NETWORK, _PLACES[len(packed) == 16][which], len(packed))
    if length and int(length) < bits:
        mask = ((1 << bits) - (1 << bits - int(length))).to_bytes(len(packed), "big")
        loaded += _mask(mask)
    return loaded + _compare(operator, packed)


def _local(flag: int) -> bytes:
    asked = _expression("fib", *numbers(_FIRST, _ADDRESS_TYPE, flag))
    return asked + _compare(_EQUAL, struct.pack("=I", _LOCAL))


def _load(register: int, data: bytes) -> bytes:
    return _expression("immediate", *numbers(register), _value(2, data))


def _verdict(*attributes: bytes) -> bytes:
    verdict = nested(2, nested(_VERDICT, *attributes))
    return _expression("immediate", *numbers(_VERDICT_REGISTER), verdict)


def _dnat(address: str, *, port: bool = False) -> bytes:
    _, packed = pack(address)
    told = numbers(_TO_DESTINATION, _FAMILIES[len(packed) == 16], _FIRST)
    if port:
        told += numbers(_SECOND, start=5)
    return _load(_FIRST, packed) + _expression("nat", *told)
