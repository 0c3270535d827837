"""Addresses of both families as one kind of number, and back as Go's ``net`` package writes them.

A number has 128 bits; an IPv4 address is the IPv6 address it is mapped to (``::ffff:a.b.c.d``,
RFC 4291 2.5.5.2), as in Go. So ``::ffff:10.0.0.1`` and ``10.0.0.1`` are one address, and a set of
numbers holds both families.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton  # socket itself imports enum

from rktpy.value import Value

BITS = 128
_MAPPED = 0xFFFF  # the upper 96 bits of an IPv4 address
_V4 = 32


class Block(Value):
    """Addresses that share ``prefix`` of 128 bits; ``address`` is the one it was written with."""

    address: int
    prefix: int

    @property
    def first(self) -> int:
        return self.address >> self._free << self._free

    @property
    def last(self) -> int:
        return self.first + (1 << self._free) - 1

    @property
    def _free(self) -> int:
        return BITS - self.prefix

    def __contains__(self, number: int) -> bool:
        return self.address >> self._free == number >> self._free

    def __str__(self) -> str:
        return f"{text_of(self.address)}/{length_in(self.address, self.prefix)}"


IPV4 = Block(_MAPPED << _V4, BITS - _V4)


def number_of(text: str) -> int | None:
    """Return the address ``text`` is, or None."""
    try:
        if ":" in text:
            return int.from_bytes(inet_pton(AF_INET6, text))
        return _MAPPED << _V4 | int.from_bytes(inet_pton(AF_INET, text))
    except (OSError, ValueError):
        return None


def text_of(number: int) -> str:
    """Return the address ``number`` as CNI names its lease file."""
    if is_v4(number):
        return inet_ntop(AF_INET, (number & 0xFFFFFFFF).to_bytes(4))
    if 0xFFFF < number < 1 << _V4:  # the C library writes these as ::a.b.c.d
        return f"::{number >> 16:x}:{number & 0xFFFF:x}"
    return inet_ntop(AF_INET6, number.to_bytes(16))


def is_v4(number: int) -> bool:
    return number >> _V4 == _MAPPED


def block_of(text: str) -> Block | None:
    """Return the block ``text`` (CIDR) is, with its address as written, or None."""
    host, _slash, length = text.partition("/")
    number = number_of(host)
    if number is None or not (length.isascii() and length.isdigit() and len(length) < 4):
        return None
    offset = 0 if ":" in host else BITS - _V4
    prefix = int(length) + offset
    # A prefix of a mapped address that ends before the IPv4 part has no IPv4 notation.
    if prefix > BITS or (is_v4(number) and prefix < BITS - _V4):
        return None
    return Block(number, prefix)


def length_in(number: int, prefix: int) -> int:
    """Return ``prefix`` of 128 bits as the length that is written after ``number``."""
    return prefix - (BITS - _V4) if is_v4(number) else prefix
