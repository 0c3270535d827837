"""The addresses that a host-local configuration offers, and which of them is next. Pure.

A configuration has range sets; a pod gets one address of each. The ranges of a set have one
family and do not overlap. Source: the host-local plugin's page on cni.dev.
"""

from __future__ import annotations

from rktpy.config.fields import text
from rktpy.errors import RktError
from rktpy.net.ipam.addresses import BITS, IPV4, Block, block_of, is_v4, number_of, text_of
from rktpy.net.ipam.arguments import IpamError, check_count, list_in, section
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence


class Range(Value):
    """Addresses ``first`` to ``last`` of ``subnet``, both included, and the pods' gateway."""

    subnet: Block
    first: int
    last: int
    gateway: int

    def offers(self, number: int) -> bool:
        """Return whether a pod may get ``number`` without asking for it."""
        return self.first <= number <= self.last

    def admits(self, number: int) -> bool:
        """Return whether a pod may ask for ``number``: all hosts of the subnet (rkt)."""
        ends = {self.subnet.first}
        if is_v4(number):
            ends.add(self.subnet.last)  # broadcast
        return number in self.subnet and number not in ends

    def __str__(self) -> str:
        return f"{text_of(self.first)}-{text_of(self.last)}"


RangeSet = tuple[Range, ...]


def lowest(ranges: Iterable[Range], taken: Container[int]) -> int | None:
    """Return the first address of ``ranges`` that is not ``taken``, or None.

    It takes as many steps as addresses are taken, however large the ranges are.
    """
    for one in ranges:
        number = one.first
        while number <= one.last:
            if number not in taken:
                return number
            number += 1
    return None


def assign(sets: Sequence[RangeSet], asked: Iterable[int]) -> dict[int, int]:
    """Return which of the addresses ``asked`` for which of ``sets`` (by index) is to give.

    Raises:
        IpamError: no set has the address, or none that is not to give another one.
    """
    found: dict[int, int] = {}
    for number in dict.fromkeys(asked):
        homes = [i for i, ranges in enumerate(sets) if any(r.offers(number) for r in ranges)]
        homes += [i for i, ranges in enumerate(sets) if any(number in r.subnet for r in ranges)]
        if not homes:
            subnets = dict.fromkeys(str(one.subnet) for ranges in sets for one in ranges)
            raise IpamError(f"{text_of(number)} not in network: {', '.join(subnets)}")
        free = next((index for index in homes if index not in found), None)
        if free is None:
            raise IpamError(f"failed to allocate all requested IPs: {text_of(number)}")
        found[free] = number
    return found


def read_sets(config: Mapping[str, object]) -> tuple[RangeSet, ...]:
    """Return the range sets of a plugin's whole configuration, at least one.

    Those of ``runtimeConfig`` come first, then ``subnet`` of ``ipam``, then its ``ranges``.

    Raises:
        IpamError: they are wrong, or overlap.
    """
    ipam = section(config, "ipam")
    written = list_in(section(config, "runtimeConfig"), "ipRanges")
    if text(ipam, "subnet"):
        written = [*written, [{**ipam, "subnet": _network(text(ipam, "subnet"))}]]
    written = [*written, *list_in(ipam, "ranges")]
    if not written:
        raise IpamError("no IP ranges specified", hint='"ipam" needs a "subnet"')
    sets = []
    for index, ranges in enumerate(written):
        try:
            sets.append(_read_set(ranges))
        except RktError as error:
            raise IpamError(f"invalid range set {index}: {error.message}") from None
    check_count([ranges[0].first for ranges in sets], text(config, "cniVersion"))
    clash = _overlap([(one, index) for index, ranges in enumerate(sets) for one in ranges])
    if clash:
        low, high = sorted((clash[0][1], clash[1][1]))
        raise IpamError(f"range set {low} overlaps with {high}")
    return tuple(sets)


def _network(subnet: str) -> str:
    """Return ``subnet`` without host bits, which rkt's host-local took (and Kubernetes' guide had);
    later ones refuse them, and so do we in ``ranges``, which they brought.
    """
    block = block_of(subnet)
    return subnet if block is None else str(Block(block.first, block.prefix))


def _read_set(written: object) -> RangeSet:
    if not isinstance(written, list) or not written:
        raise IpamError("empty range set" if written == [] else "a range set must be a list")
    ranges = tuple(_read_range(section({"range": one}, "range")) for one in written)
    if len({is_v4(one.first) for one in ranges}) > 1:
        raise IpamError("mixed address families")
    clash = _overlap([(one, 0) for one in ranges])
    if clash:
        raise IpamError(f"subnets {clash[0][0]} and {clash[1][0]} overlap")
    return ranges


def _read_range(fields: Mapping[str, object]) -> Range:
    written = text(fields, "subnet")
    subnet = block_of(written)
    if subnet is None:
        raise IpamError(f"invalid CIDR address: {written}" if written else "a range needs a subnet")
    if not is_v4(subnet.first) and IPV4.first in subnet:
        raise IpamError(f"{subnet} contains all of IPv4")  # as mapped addresses
    if subnet.address != subnet.first:
        network = text_of(subnet.first)
        raise IpamError(f"{subnet} has host bits set, the network address is {network}")
    if subnet.prefix > BITS - 2:
        raise IpamError(f"Network {subnet} too small to allocate from")
    default_last = subnet.last - 1 if is_v4(subnet.first) else subnet.last
    gateway = _host(fields, "gateway", subnet, subnet.first + 1)
    first = _member(fields, "rangeStart", subnet, subnet.first + 1)
    last = _member(fields, "rangeEnd", subnet, default_last)
    if first > last:
        raise IpamError(f"{text_of(last)} is in network {subnet} but before start {text_of(first)}")
    return Range(subnet, first, last, gateway)


def _member(fields: Mapping[str, object], key: str, subnet: Block, default: int) -> int:
    number = _host(fields, key, subnet, default)
    if number not in subnet:
        raise IpamError(f"{key} {text_of(number)} not in network {subnet}")
    return number


def _host(fields: Mapping[str, object], key: str, subnet: Block, default: int) -> int:
    written = text(fields, key)
    if not written:
        return default
    number = number_of(written)
    if number is None:
        raise IpamError(f"invalid IP address: {written}")
    if is_v4(number) != is_v4(subnet.first):
        raise IpamError(f"{key} {text_of(number)} is not the same protocol as subnet {subnet}")
    return number


def _overlap(
    ranges: list[tuple[Range, int]],
) -> tuple[tuple[Range, int], tuple[Range, int]] | None:
    """Return two of ``ranges`` (with the index of their set) that share addresses."""
    ranges.sort(key=lambda pair: (pair[0].first, pair[0].last))
    widest = ranges[0]
    for pair in ranges[1:]:
        if pair[0].first <= widest[0].last:
            return widest, pair
        widest = pair
    return None
