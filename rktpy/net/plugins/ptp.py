"""``ptp``: a pair of links, one end in the pod and one on the host, and routes between the two.

The pod reaches even its neighbours by way of the host: its route to the subnet leads through the
gateway, which is the address of the host's end (CNI's plugin of the same name; rkt's default).
"""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.host.netlink import addresses, links, routes
from rktpy.host.netlink.routes import Route
from rktpy.net.firewall import sysctls
from rktpy.net.outcome import DNS
from rktpy.net.plugins import addressing
from rktpy.net.plugins.options import mtu, spell_mac
from rktpy.net.plugins.settings import for_pod_end
from rktpy.net.plugins.veth import Pair
from rktpy.net.result import Interface, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.netlink.links import Link
    from rktpy.host.netlink.wire import Request
    from rktpy.net.call import Call, Plugin
    from rktpy.net.plugins.presence import Side
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
            RktError: no address is free, or the kernel says no; then nothing is left.
        """
        return addressing.given(call, self._ipam, lambda given: _join(call, given))

    def delete(self, call: Call) -> None:
        """Give the addresses back; the links end with the pod's namespace."""
        addressing.give_back(call, self._ipam)

    def check(self, call: Call) -> None:
        """Compare links, addresses and routes with what ``add`` returned.

        Raises:
            RktError: something is missing.
        """
        from rktpy.net.plugins import presence

        addressing.ask_check(call, self._ipam)
        presence.check(call, "veth", _look)

    def rules(self, call: Call, result: Result) -> Rules:
        """Return a masquerade for each address, if the configuration wants it."""
        return addressing.masquerades(call, result)


def _join(call: Call, given: Result) -> Result:
    for one in given.addresses:
        if not one.gateway:
            raise PtpError(
                f"the address {one.address} of network {call.network} has no gateway",
                hint='its "ipam" must give one',
            )
    ipv6 = addressing.is_ipv6(given)
    for family in {one.family for one in given.addresses}:
        sysctls.forward(ipv6=family == 6)
    with Pair(call, for_pod_end(call.interface, ipv6=ipv6), mtu=mtu(call.fields)) as pair:
        try:
            pair.host.perform(*host_requests(given, pair.outside.index))
            pair.pod.perform(*pod_requests(given, pair.inside.index))
        except BaseException:
            pair.undo()
            raise
    interfaces = (
        Interface(pair.outside.name, spell_mac(pair.outside.address)),
        Interface(pair.inside.name, spell_mac(pair.inside.address), call.netns),
    )
    own = tuple(one.replace(interface=1) for one in given.addresses)
    dns = addressing.dns_of(call)
    return given.replace(
        interfaces=interfaces, addresses=own, dns=dns if dns != DNS() else given.dns
    )


def pod_requests(given: Result, link: int) -> list[Request]:
    """Return what gives the pod's end, ``link``, its addresses and routes. Pure.

    The kernel makes no route to the subnet: that leads through the gateway.
    """
    requests = [
        addresses.add(link, *addressing.split(one.address), prefix_route=False)
        for one in given.addresses
    ]
    requests.append(links.change(link, up=True))
    return requests + [routes.add(route, content=True) for route in pod_routes(given, link)]


def pod_routes(given: Result, link: int) -> list[Route]:
    """Return the routes of the pod: to each gateway, through it to the subnet, and IPAM's."""
    found = []
    for one in given.addresses:
        address, length = addressing.split(one.address)
        gateway = addressing.spelled(one.gateway)
        bits, subnet = addressing.bits(address), addressing.network(address, length)
        scope = routes.LINK_SCOPE if one.family == 4 else routes.EVERYWHERE
        found.append(Route(gateway, bits, link, source=address, scope=scope))
        found.append(Route(subnet, length, link, gateway=gateway, source=address))
    subnets = {(route.destination, route.prefix) for route in found}
    rest = addressing.routes_of(given, link)
    return found + [one for one in rest if (one.destination, one.prefix) not in subnets]


def host_requests(given: Result, link: int) -> list[Request]:
    """Return what lets the host's end, ``link``, be the gateway of each address. Pure."""
    gateways = dict.fromkeys(addressing.spelled(one.gateway) for one in given.addresses)
    return [
        *(addresses.add(link, gateway, addressing.bits(gateway)) for gateway in gateways),
        links.change(link, up=True),
        # The last pod with this address may be gone, and its link not yet: see ``delete``.
        *(routes.replace(route) for route in host_routes(given, link)),
    ]


def host_routes(given: Result, link: int) -> list[Route]:
    """Return the routes of the host to the pod."""
    found = []
    for one in given.addresses:
        address, _ = addressing.split(one.address)
        scope = routes.HOST_SCOPE if one.family == 4 else routes.EVERYWHERE
        found.append(Route(address, addressing.bits(address), link, scope=scope))
    return found


def _look(pod: Side, host: Side, link: Link, wanted: Result) -> None:
    from rktpy.net.plugins import presence

    pod.routes(pod_routes(wanted, link.index))
    for name in presence.host_names(wanted):
        outside = host.link(name, kind="veth")
        gateways = (addressing.spelled(one.gateway) for one in wanted.addresses)
        host.addresses(outside, ((gateway, addressing.bits(gateway)) for gateway in gateways))
        host.routes(host_routes(wanted, outside.index))
