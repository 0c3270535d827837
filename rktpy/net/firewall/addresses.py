"""Addresses and networks as firewall programs want them: checked, in the kernel's spelling. Pure.

Whatever comes out can stand in a rule: no text of a stranger gets into one.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton  # socket itself imports enum

from rktpy.appc.hostip import EVERY_IPV4, EVERY_IPV6
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.value import Value

LOOPBACK = "127.0.0.0/8"
MULTICAST = ("224.0.0.0/4", "ff00::/8")
PROTOCOLS = ("tcp", "udp", "sctp")


class RuleError(RktError):
    """Part of a firewall rule is not a valid address, network, port or protocol."""


class Place(Value):
    """An address and the network around it, of one family."""

    ipv6: bool
    address: str
    network: str  # CIDR, no bit set below the prefix


def place(text: str) -> Place:
    """Return the address with prefix length that ``text`` is; without one it stands alone.

    Raises:
        RuleError: it is not an address.
    """
    address, slash, length = text.partition("/")
    family, bits = (AF_INET6, 128) if ":" in address else (AF_INET, 32)
    try:
        packed = inet_pton(family, address)
    except (OSError, ValueError):
        raise RuleError(f"{quote(text)} is not an address") from None
    prefix = bits
    if slash:
        if not (length.isascii() and length.isdigit() and int(length[:4]) <= bits):
            raise RuleError(f"{quote(text)} is not a network")
        prefix = int(length)
    mask = ~((1 << (bits - prefix)) - 1)
    network = (int.from_bytes(packed, "big") & mask).to_bytes(bits // 8, "big")
    return Place(
        family == AF_INET6, inet_ntop(family, packed), f"{inet_ntop(family, network)}/{prefix}"
    )


def lies_in(inner: str, outer: str) -> bool:
    """Return whether one network (CIDR, as ``place`` spells it) is a part of another one of its
    family, and not all of it."""
    address, _, length = inner.partition("/")
    shorter = outer.partition("/")[2]
    return int(shorter) < int(length) and place(f"{address}/{shorter}").network == outer


def host_part(text: str, *, ipv6: bool) -> str | None:
    """Return the address of the host on which a port is published, "" for all of the family.

    None: ``text`` is of the other family.

    Raises:
        RuleError: it is not an address.
    """
    if not text:
        return ""
    found = place(text)
    if found.ipv6 != ipv6:
        return None
    return "" if found.address in (EVERY_IPV4, EVERY_IPV6) else found.address


def check_ports(protocol: str, *ranges: tuple[int, int]) -> None:
    """Refuse protocols and ports (first, count) that no rule can be made of.

    Raises:
        RuleError: what is wrong.
    """
    if protocol not in PROTOCOLS:
        raise RuleError(
            f"ports of the protocol {quote(protocol)} cannot be published",
            hint="there are tcp, udp and sctp",
        )
    for first, count in ranges:
        if not (first >= 1 and count >= 1 and first + count - 1 <= 65535):
            raise RuleError(f"{count} ports from {first} are not ports")
