"""IPAM plugin ``static``: the addresses that the configuration or the caller names.

As CNI's program of that name; nothing is kept, so nobody sees to it that an address is free.
"""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.config.fields import text, texts
from rktpy.net.ipam.addresses import block_of, is_v4, number_of, text_of
from rktpy.net.ipam.arguments import IpamError, check_count, list_in, read_arguments, section
from rktpy.net.ipam.parts import read_dns, read_routes
from rktpy.net.result import Address, Result
from rktpy.net.rules import Rules
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.net.call import Call
    from rktpy.net.ipam.addresses import Block


class _Given(Value):
    block: Block
    gateway: int | None = None


class Static:
    """Gives a pod the addresses that were written down for it."""

    def add(self, call: Call) -> Result:
        """Return the addresses, routes and name servers.

        Raises:
            IpamError: the configuration or ``CNI_ARGS`` is wrong.
        """
        config = call.config()
        ipam = section(config, "ipam")
        given = _given(config, call.arguments)
        check_count([one.block.address for one in given], call.version)
        addresses = tuple(
            Address(str(one.block), "" if one.gateway is None else text_of(one.gateway))
            for one in given
        )
        return Result((), addresses, read_routes(ipam.get("routes")), read_dns(ipam.get("dns")))

    def delete(self, call: Call) -> None:
        """Nothing was taken."""

    def check(self, call: Call) -> None:
        """See that the pod was given the addresses.

        Raises:
            IpamError: one is missing.
        """
        got = [block_of(one.address) for one in (call.previous or Result()).addresses]
        for one in _given(call.config(), call.arguments):
            if one.block not in got:
                raise IpamError(
                    f"static: Failed to match addr {one.block} on interface {call.interface}"
                )

    def rules(self, call: Call, result: Result) -> Rules:
        return Rules()


def _given(config: Mapping[str, object], arguments: str) -> list[_Given]:
    """Return the addresses: of the configuration and ``CNI_ARGS``, or in place of both those of
    ``args``, or in place of all those of ``runtimeConfig``."""
    ipam = section(config, "ipam")
    written = [section({"addresses": one}, "addresses") for one in list_in(ipam, "addresses")]
    given = [_configured(one) for one in written] + _argued(arguments)
    for keys in (("args", "cni"), ("runtimeConfig",)):
        asked = texts(section(config, *keys), "ips")
        if asked:
            given = [_Given(_block(one, "an entry in the 'ips' field is NOT")) for one in asked]
    return given


def _configured(fields: Mapping[str, object]) -> _Given:
    block = _block(text(fields, "address"), "the 'address' field is expected to be")
    written = text(fields, "gateway")
    if not written:
        return _Given(block)
    gateway = number_of(written)
    if gateway is None or is_v4(gateway) != is_v4(block.address):
        raise IpamError(f"invalid gateway address: {written} (of {block})")
    return _Given(block, gateway)


def _argued(arguments: str) -> list[_Given]:
    """Return the addresses in ``CNI_ARGS``; each gateway is of those whose block it is in."""
    values = read_arguments(arguments, ("IP", "GATEWAY"))
    blocks = [
        _block(one.strip(), "the 'ip' field is expected to be")
        for one in values.get("IP", "").split(",")
        if one
    ]
    gateways = []
    for one in values.get("GATEWAY", "").split(","):
        number = number_of(one.strip())
        if number is None and one:
            raise IpamError(f"invalid gateway address: {one}")
        gateways.append(number)
    return [
        _Given(block, next((n for n in reversed(gateways) if n is not None and n in block), None))
        for block in blocks
    ]


def _block(written: str, complaint: str) -> Block:
    block = block_of(written)
    if block is None:
        raise IpamError(
            f"{complaint} in CIDR notation, got: {quote(written)}",
            hint="write the address with its prefix length, as in 10.1.0.7/24",
        )
    return block
