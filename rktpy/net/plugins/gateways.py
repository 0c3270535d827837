"""What makes a bridge the gateway of its pods: which addresses, and which of its own go. Pure."""

from __future__ import annotations

from _blake2 import blake2s  # hashlib itself loads OpenSSL

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.netlink import addresses as requests
from rktpy.host.netlink import links
from rktpy.net.plugins import addressing
from rktpy.net.result import Result, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.host.netlink.addresses import Address
    from rktpy.host.netlink.links import Link
    from rktpy.host.netlink.wire import Request
    from rktpy.net.plugins.bridge import Options


class BridgeError(RktError):
    """A pod cannot become a port of a bridge."""


def complete(given: Result, wanted: Options) -> Result:
    """Return ``given`` with the gateways and default routes that the configuration implies.

    A gateway that IPAM does not name is the first address of the network.
    """
    own = tuple(
        one.replace(gateway=_first(one.address)) if wanted.gateway and not one.gateway else one
        for one in given.addresses
    )
    routes = list(given.routes)
    if wanted.default:
        known = {one.destination for one in routes if one.gateway}
        for one in own:
            destination = "::/0" if one.family == 6 else "0.0.0.0/0"
            if destination not in known:
                known.add(destination)
                routes.append(Route(destination, one.gateway))
    return given.replace(addresses=own, routes=tuple(routes))


def addresses(result: Result) -> list[tuple[str, int]]:
    """Return the addresses that the bridge has as gateway, with prefix length."""
    return [
        (addressing.spelled(one.gateway), addressing.split(one.address)[1])
        for one in result.addresses
        if one.gateway
    ]


def changes(
    home: Link, have: Iterable[Address], wanted: tuple[str, int], *, force: bool
) -> list[Request]:
    """Return what gives ``home``, which has the addresses ``have``, the address ``wanted``.

    Beside it there may be IPv6 addresses of other networks. Its hardware address becomes its own,
    so that it does not change with the ports.

    Raises:
        BridgeError: it has another address, and ``force`` is not set.
    """
    address, length = wanted
    # The hardware address first: who finds the address there changes nothing more.
    found: list[Request] = [links.change(home.index, address=home.address)]
    for one in have:
        if (one.address, one.prefix) == wanted:
            return []
        if (":" in one.address) != (":" in address):
            continue
        shorter = min(length, one.prefix)
        network = addressing.network(address, shorter)
        if ":" in address and addressing.network(one.address, shorter) != network:
            continue
        if not force:
            raise BridgeError(
                f"{quote(home.name)} already has an IP address different from {address}/{length}",
                hint='"forceAddress" replaces it',
            )
        found.append(requests.delete(home.index, one.address, one.prefix))
    found.append(requests.add(home.index, address, length))
    return found


def home(wanted: Options) -> str:
    """Return the name of the host's link in a VLAN of the bridge."""
    return f"{wanted.name}.{wanted.tag}"


def port_name(name: str) -> str:
    """Return the name of the port that belongs to the host's link ``name``."""
    return "veth" + blake2s(name.encode(), digest_size=4).hexdigest()


def _first(address: str) -> str:
    """Return the address after that of the network."""
    host, length = addressing.split(address)
    return addressing.following(addressing.network(host, length))
