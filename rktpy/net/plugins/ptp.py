"""``ptp``: a pair of links, one end in the pod and one on the host, and routes between the two.

The pod reaches even its neighbours by way of the host: its route to the subnet leads through the
gateway, which is the address of the host's end (CNI's plugin of the same name; rkt's default).
"""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.host.netlink import addresses, routes
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.routes import Route
from rktpy.host.netns import channel
from rktpy.net.firewall import sysctls
from rktpy.net.plugins import addressing, veth
from rktpy.net.result import Interface, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.netlink.wire import Request
    from rktpy.net.call import Call, Plugin
    from rktpy.net.result import Address
    from rktpy.net.rules import Rules


class PtpError(RktError):
    """The configuration of the network cannot be used."""


class Ptp:
    """The plugin; ``ipam`` finds the one that gives addresses."""

    __slots__ = ("_ipam",)

    def __init__(self, ipam: Callable[[str], Plugin]) -> None:
        self._ipam = ipam

    def add(self, call: Call) -> Result:
        """Make the links and give the pod its addresses.

        Raises:
            RktError: no address is free, or the kernel says no.
        """
        given = addressing.ask(call, self._ipam)
        for one in given.addresses:
            if not one.gateway:
                raise PtpError(
                    f"the address {one.address} of network {call.network} has no gateway"
                )
        for ipv6 in {one.family == 6 for one in given.addresses}:
            sysctls.forward(ipv6=ipv6)
        with Netlink() as host, channel(call.netns) as pod:
            pair = veth.make(call, host, pod)
            inside, outside = pair.inside.index, pair.outside.index
            pod.perform(*pod_requests(given, inside))
            host.perform(*host_requests(given, outside))
        mac = addressing.spell_mac
        interfaces = (
            Interface(pair.outside.name, mac(pair.outside.address)),
            Interface(pair.inside.name, mac(pair.inside.address), call.netns),
        )
        own = tuple(one.replace(interface=1) for one in given.addresses)
        dns = addressing.dns_of(call) or given.dns
        return given.replace(interfaces=interfaces, addresses=own, dns=dns)

    def delete(self, call: Call) -> None:
        """Give the addresses back; the links end with the pod's namespace."""
        addressing.give_back(call, self._ipam)

    def check(self, call: Call) -> None:
        """Compare links, addresses and routes with what ``add`` returned.

        Raises:
            RktError: something is missing.
        """
        addressing.check(call, self._ipam)

    def rules(self, call: Call, result: Result) -> Rules:
        """Return a masquerade for each address, if the configuration wants it."""
        return addressing.masquerades(call, result)


def pod_requests(given: Result, link: int) -> list[Request]:
    """Return what gives the pod's end, ``link``, its addresses and routes. Pure."""
    requests: list[Request] = []
    for one in given.addresses:
        address, length = addressing.split(one.address)
        requests.append(addresses.add(link, address, length, prefix_route=False))
        requests += [routes.add(route) for route in _ways(one, link)]
    return requests + addressing.route_requests(given, link)


def host_requests(given: Result, link: int) -> list[Request]:
    """Return what lets the host's end, ``link``, be the gateway of each address. Pure."""
    requests = []
    for one in given.addresses:
        address, _ = addressing.split(one.address)
        bits = 128 if one.family == 6 else 32
        requests.append(addresses.add(link, one.gateway, bits))
        requests.append(routes.add(Route(address, bits, link)))
    return requests


def _ways(one: Address, link: int) -> tuple[Route, Route]:
    """Return the routes to the gateway and, through that, to the subnet."""
    address, length = addressing.split(one.address)
    bits = 128 if one.family == 6 else 32
    subnet = addressing.network(address, length)
    return (
        Route(one.gateway, bits, link, source=address, link_scope=one.family == 4),
        Route(subnet, length, link, gateway=one.gateway, source=address),
    )
