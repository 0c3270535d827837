"""Addresses of links, IPv4 and IPv6: requests, and what the kernel tells. Pure.

Sources: linux/if_addr.h, rtnetlink(7).
"""

from __future__ import annotations

import _socket  # socket itself imports enum and selectors
import struct

from rktpy.host.netlink import wire
from rktpy.host.netlink.wire import NetlinkError, Request, attribute
from rktpy.value import Value

NEW, DELETE, GET = 20, 21, 22  # RTM_*ADDR
_HEAD = struct.Struct("=BBBBI")  # struct ifaddrmsg: family, prefix, flags, scope, index
_ADDRESS, _LOCAL, _BROADCAST, _FLAGS = 1, 2, 4, 8  # IFA_*
_NO_DAD, _TENTATIVE, _NO_PREFIX_ROUTE = 0x2, 0x40, 0x200

SIZES = {_socket.AF_INET: 4, _socket.AF_INET6: 16}


class Address(Value):
    """An address of the link ``index``, as text; ``tentative`` while the kernel asks who has it."""

    index: int
    address: str
    prefix: int
    scope: int
    tentative: bool


def pack(address: str) -> tuple[int, bytes]:
    """Return family and bytes of an address.

    Raises:
        NetlinkError: it is not an address.
    """
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    try:
        return family, _socket.inet_pton(family, address)
    except (OSError, ValueError) as error:
        raise NetlinkError(f"{address!r} is not an IP address") from error


def unpack(data: bytes | None) -> str:
    """Return an address as text; empty for what is none."""
    size = len(data or b"")
    family = next((family for family, known in SIZES.items() if known == size), None)
    return "" if family is None or data is None else _socket.inet_ntop(family, data)


def packed_prefix(address: str, prefix: int) -> tuple[int, bytes]:
    """As ``pack``, for an address that has a prefix.

    Raises:
        NetlinkError: it is not an address, or the prefix is longer than the address.
    """
    family, packed = pack(address)
    if not 0 <= prefix <= 8 * len(packed):
        raise NetlinkError(f"'{address}/{prefix}' has no such prefix: 0 to {8 * len(packed)}")
    return family, packed


def add(index: int, address: str, prefix: int, *, prefix_route: bool = True) -> Request:
    """Plan an address for the link ``index``, used at once: nobody is asked whether he has it.

    IPv4 with room for one gets a broadcast address. Without ``prefix_route`` the kernel makes
    no route to the addresses beside it. Errors as ``packed_prefix``.
    """
    flags = wire.REQUEST | wire.ACK | wire.CREATE | wire.EXCLUSIVE
    family, packed = packed_prefix(address, prefix)
    more = b""
    if family == _socket.AF_INET and prefix < 31:
        value = int.from_bytes(packed, "big") | (1 << 32 - prefix) - 1
        more = attribute(_BROADCAST, value.to_bytes(4, "big"))
    bits = _NO_DAD if family == _socket.AF_INET6 else 0
    bits |= 0 if prefix_route else _NO_PREFIX_ROUTE
    if bits:
        more += wire.number(_FLAGS, bits)
    body = _body(index, family, packed, prefix) + more
    return Request(f"give link {index} the address {address}/{prefix}", NEW, flags, body)


def delete(index: int, address: str, prefix: int) -> Request:
    """Plan the end of an address. Errors as ``packed_prefix``."""
    body = _body(index, *packed_prefix(address, prefix), prefix)
    says = f"take the address {address}/{prefix} from link {index}"
    return Request(says, DELETE, wire.REQUEST | wire.ACK, body)


def every() -> Request:
    """Ask for the addresses of all links."""
    return Request(
        "list addresses", GET, wire.REQUEST | wire.DUMP, _HEAD.pack(0, 0, 0, 0, 0)
    )  # fmt: skip


def decode(body: bytes) -> Address:
    """Return the address that the body of a message describes.

    Raises:
        NetlinkError: it describes none.
    """
    if len(body) < _HEAD.size:
        raise NetlinkError("the kernel's description of an address is too short")
    _family, prefix, short, scope, index = _HEAD.unpack_from(body)
    found = wire.attributes(body, _HEAD.size)
    flags = wire.whole_number(found[_FLAGS]) if _FLAGS in found else short
    local = found.get(_LOCAL, found.get(_ADDRESS))  # they differ at the end of a tunnel only
    return Address(index, unpack(local), prefix, scope, bool(flags & _TENTATIVE))


def _body(index: int, family: int, packed: bytes, prefix: int) -> bytes:
    head = _HEAD.pack(family, prefix, 0, 0, index)
    return head + attribute(_LOCAL, packed) + attribute(_ADDRESS, packed)
