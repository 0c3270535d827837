"""Addresses of the host on which ports are published: which there are, and which are the same.

"" is every address of the host, ``0.0.0.0`` every IPv4 and ``::`` every IPv6 address. Pure.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_pton  # socket itself imports enum and selectors

EVERY_IPV4, EVERY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - names, nothing is bound


def packed(text: str) -> bytes | None:
    """Return the address ``text`` as 4 or 16 bytes, None if it is none."""
    try:
        return inet_pton(AF_INET6 if ":" in text else AF_INET, text)
    except (OSError, ValueError):  # ValueError: a NUL inside
        return None


def is_network(text: str) -> bool:
    """Return whether ``text`` is an address, or a network as address and prefix length."""
    address, slash, length = text.partition("/")
    found = packed(address)
    if found is None or not slash:
        return found is not None
    digits = length.isascii() and length.isdigit() and len(length) < 4
    return digits and int(length) <= len(found) * 8


def same_place(one: str, other: str) -> bool:
    """Return whether an address of the host is behind both."""
    if not one or not other:
        return True
    first, second = packed(one), packed(other)
    if first is None or second is None or len(first) != len(second):
        return False
    return first == second or not any(first) or not any(second)


def spelled(protocol: str, host_ip: str, port: int) -> str:
    """Return a published port as rkt writes it: ``tcp-0.0.0.0:80``."""
    address = host_ip or EVERY_IPV4
    return f"{protocol}-[{address}]:{port}" if ":" in address else f"{protocol}-{address}:{port}"
