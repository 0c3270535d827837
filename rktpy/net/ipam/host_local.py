"""IPAM plugin ``host-local``: addresses of this host's networks, kept in files.

As CNI's program of that name, on the same directory at the same time, but it gives out the lowest
free address (rkt), not the one after the last. The keys are on the plugin's page on cni.dev.
"""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.config.fields import text, texts
from rktpy.host.files import read_bytes
from rktpy.net.ipam.addresses import Block, block_of, number_of, text_of
from rktpy.net.ipam.arguments import IpamError, read_arguments, section
from rktpy.net.ipam.leases import Leases, directory
from rktpy.net.ipam.parts import read_routes
from rktpy.net.ipam.ranges import assign, lowest, read_sets
from rktpy.net.outcome import DNS
from rktpy.net.result import Address, Result
from rktpy.net.rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.net.call import Call
    from rktpy.net.ipam.ranges import Range, RangeSet

_MAX_RESOLV_CONF = 1 << 20  # bytes


class UnavailableError(IpamError):
    """The address ``address``, or every one if that is "", is taken; perhaps by a pod that is gone,
    see ``leases.reclaim``."""

    address = ""


class TakenError(UnavailableError):
    """The address that was asked for is taken."""

    def __init__(self, network: str, path: str, address: str) -> None:
        super().__init__(
            f"requested IP address {quote(address)} is not available in network: {network}",
            hint=f"who has it stands in {path}/{address}",
        )
        self.address = address


class ExhaustedError(UnavailableError):
    """All addresses of a network are taken."""

    def __init__(self, network: str, path: str) -> None:
        super().__init__(
            f"no IP addresses available in network: {network}",
            hint=f"rktpy gc frees those of exited pods; all are listed in {path}",
        )
        self.network = network
        self.directory = path


class HostLocal:
    """Gives a pod one address of each range set."""

    def add(self, call: Call) -> Result:
        """Take the addresses; all of them or none.

        Raises:
            ExhaustedError: no address is free.
            IpamError: the configuration, ``CNI_ARGS`` or the lease directory is wrong, or an
                address that was asked for is not to be had.
        """
        config = call.config()
        ipam = section(config, "ipam")
        sets = read_sets(config)
        asked = assign(sets, _asked(config, call.arguments))
        dns = _read_resolv_conf(path) if (path := text(ipam, "resolvConf")) else DNS()
        routes = read_routes(ipam.get("routes"))
        with Leases(_directory(call)) as held:
            found = _take(held, call, sets, asked)
        return Result((), found, routes, dns)

    def delete(self, call: Call) -> None:
        """Release the addresses of the pod's interface.

        Raises:
            IpamError: the lease directory cannot be used.
        """
        try:
            with Leases(_directory(call), make=False) as held:
                held.release(call.container, call.interface)
        except FileNotFoundError:
            pass

    def check(self, call: Call) -> None:
        """See that the pod still has its addresses.

        Raises:
            IpamError: it has not.
        """
        sets = read_sets(call.config())
        try:
            with Leases(_directory(call), make=False) as held:
                addresses = held.of(call.container, call.interface)
        except FileNotFoundError:
            addresses = []
        if not addresses:
            raise IpamError(
                f"host-local: Failed to find address added by container {call.container}"
            )
        own = {number_of(address) for address in addresses}
        for one in call.previous.addresses if call.previous else ():
            block = block_of(one.address)
            if block and block.address not in own and _is_ours(sets, block.address):
                raise IpamError(f"host-local: {one.address} is not leased to {call.container}")

    def rules(self, call: Call, result: Result) -> Rules:
        return Rules()


def _directory(call: Call) -> str:
    return directory(call.network, text(section(call.fields, "ipam"), "dataDir"))


def _is_ours(sets: tuple[RangeSet, ...], number: int) -> bool:
    return any(number in one.subnet for ranges in sets for one in ranges)


def _asked(config: Mapping[str, object], arguments: str) -> list[int]:
    """Return the addresses that the pod asks for, wherever it may say so."""
    written = list(read_arguments(arguments, ("IP",)).values())
    written += texts(section(config, "args", "cni"), "ips")
    written += texts(section(config, "runtimeConfig"), "ips")
    numbers = []
    for one in written:
        block = block_of(one) if "/" in one else None
        number = block.address if block else number_of(one)
        if number is None:
            raise IpamError(f"invalid IP address {quote(one)}")
        numbers.append(number)
    return numbers


def _take(
    held: Leases, call: Call, sets: tuple[RangeSet, ...], asked: Mapping[int, int]
) -> tuple[Address, ...]:
    taken = held.taken()
    gateways = {one.gateway for ranges in sets for one in ranges}
    before = held.of(call.container, call.interface)
    found: list[Address] = []
    mine: list[int] = []
    try:
        for index, ranges in enumerate(sets):
            if index in asked:
                number = _take_asked(held, call, ranges, asked[index], gateways)
            else:
                _refuse_second(call, ranges, before)
                number = _take_lowest(held, call, ranges, taken | gateways)
            mine.append(number)
            held.note_last(index, number)
            home = _home(ranges, number)
            address = str(Block(number, home.subnet.prefix))
            found.append(Address(address, text_of(home.gateway)))
    except BaseException:
        for number in mine:
            held.drop(text_of(number))
        raise
    return tuple(found)


def _take_asked(held: Leases, call: Call, ranges: RangeSet, number: int, gateways: set[int]) -> int:
    if number in gateways:
        raise IpamError(f"requested IP must differ gateway IP: {text_of(number)}")
    home = _home(ranges, number)
    if not (home.offers(number) or home.admits(number)) or not held.take(
        number, call.container, call.interface
    ):
        raise TakenError(call.network, held.path, text_of(number))
    return number


def _take_lowest(held: Leases, call: Call, ranges: RangeSet, taken: set[int]) -> int:
    while (number := lowest(ranges, taken)) is not None:
        if held.take(number, call.container, call.interface):
            return number
        taken.add(number)  # by somebody who does not care for the lock
    raise ExhaustedError(call.network, held.path)


def _refuse_second(call: Call, ranges: RangeSet, before: list[str]) -> None:
    """The specification allows one ADD of an interface."""
    for address in before:
        number = number_of(address)
        if any(number in one.subnet for one in ranges if number is not None):
            raise IpamError(
                f"{address} has been allocated to {call.container}, "
                "duplicate allocation is not allowed"
            )


def _home(ranges: RangeSet, number: int) -> Range:
    """Return the range that ``number`` is of: one that offers it, if there is one."""
    offering = [one for one in ranges if one.offers(number)]
    return (offering or [one for one in ranges if number in one.subnet])[0]


def _read_resolv_conf(path: str) -> DNS:
    """Return what the file ``path`` says (resolv.conf(5)); of a repeated ``domain`` the last."""
    try:
        content = read_bytes(path, limit=_MAX_RESOLV_CONF).decode(errors="replace")
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
        raise IpamError(f"cannot read {quote(path)} (resolvConf): {reason}") from error
    servers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    domain = ""
    for line in content.splitlines():
        words = [word for word in line.split() if word.isprintable()]
        if len(words) < 2 or words[0].startswith(("#", ";")):
            continue
        if words[0] == "nameserver":
            servers.append(words[1])
        elif words[0] == "domain":
            domain = words[1]
        elif words[0] == "search":
            search += words[1:]
        elif words[0] == "options":
            options += words[1:]
    return DNS(tuple(servers), domain, tuple(search), tuple(options))
