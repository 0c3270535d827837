"""What plugins do with the addresses that an IPAM plugin gives: ask, give back, plan. The plans
are pure: values in, requests out."""

from __future__ import annotations

import _socket
import errno

from rktpy.codec import quote
from rktpy.config.fields import text
from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.host.netlink import addresses, links, routes
from rktpy.host.netlink.routes import Route
from rktpy.host.netlink.wire import NetlinkError
from rktpy.net.ipam.arguments import section
from rktpy.net.plugins import settings
from rktpy.net.plugins.options import flag
from rktpy.net.result import Result, read_result
from rktpy.net.rules import Masquerade, Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.netlink.wire import Request
    from rktpy.net.call import Call, Plugin
    from rktpy.net.outcome import DNS

    Ipam = Callable[[str], Plugin]

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - destinations of default routes


class AddressingError(RktError):
    """A pod cannot get its addresses."""


def given(call: Call, ipam: Ipam, use: Callable[[Result], Result]) -> Result:
    """Return what ``use`` makes of the addresses the network's IPAM plugin gives, at least one.

    If ``use`` fails they are given back.

    Raises:
        AddressingError: the configuration names no IPAM plugin, or it gave nothing.
        RktError: of the IPAM plugin, or of ``use``.
    """
    plugin = ipam(_kind(call))
    result = plugin.add(call)
    try:
        if not result.addresses:
            raise AddressingError("IPAM plugin returned missing IP config")
        return use(result)
    except BaseException:
        plugin.delete(call)
        raise


def needs_link(call: Call, ipam: Ipam) -> bool:
    """Return whether the network's IPAM plugin wants to find the pod's link up, to ask a server
    through it. Any program may."""
    return has_ipam(call) and bool(getattr(ipam(_kind(call)), "needs_link", False))


def given_to_link(call: Call, ipam: Ipam, made: Result, use: Callable[[Result], Result]) -> Result:
    """As ``given``, with the pod's link, of which ``made`` tells, there; it is removed if anything
    fails. ``use`` returns what becomes of the addresses; the interfaces are those of ``made``."""
    try:
        return given(call, ipam, use).replace(interfaces=made.interfaces)
    except BaseException:
        remove_link(call)
        raise


def take_out(call: Call, ipam: Ipam) -> None:
    """Remove the pod's link, and give back its addresses when they answer no more.

    Raises:
        RktError: the kernel or the IPAM plugin says no.
    """
    if call.netns:
        remove_link(call)
    give_back(call, ipam)


def remove_link(call: Call) -> None:
    """Remove the pod's link, if it is there: its namespace may outlive the pod, kept by connections
    whose other end is gone, and would go on answering for addresses that are given to others.

    Raises:
        NetlinkError: the kernel says no.
    """
    try:
        with netns.channel(call.netns) as pod:
            pod.perform(links.delete(pod.link(call.interface).index))
    except netns.NetnsError:
        return  # gone, and its links with it
    except NetlinkError as error:
        if error.number != errno.ENODEV:
            raise


def configure_link(call: Call, result: Result) -> None:
    """Give the pod's link, which is up, its addresses and routes; errors of the kernel's."""
    own = settings.for_pod_end(call.interface, ipv6=is_ipv6(result))
    with netns.within(call.netns):
        settings.apply(own)
    with netns.channel(call.netns) as pod:
        pod.perform(*configure(result, pod.link(call.interface).index))


def give_back(call: Call, ipam: Ipam) -> None:
    """Have the IPAM plugin, if there is one, take back what it gave.

    Raises:
        RktError: of the IPAM plugin.
    """
    if has_ipam(call):
        ipam(_kind(call)).delete(call)


def ask_check(call: Call, ipam: Ipam) -> None:
    """Have the IPAM plugin, if there is one, check what it gave; errors as above."""
    if has_ipam(call):
        ipam(_kind(call)).check(call)


def has_ipam(call: Call) -> bool:
    """Return whether the network has addresses at all."""
    return bool(text(section(call.fields, "ipam"), "type"))


def _kind(call: Call) -> str:
    kind = text(section(call.fields, "ipam"), "type")
    if not kind:
        raise AddressingError(
            f"the configuration of network {quote(call.network)} does not say where addresses"
            ' come from: "ipam" with a "type"'
        )
    return kind


def dns_of(call: Call) -> DNS:
    """Return what the configuration itself says of name servers."""
    return read_result({"dns": call.fields.get("dns")}).dns


def masquerades(call: Call, result: Result) -> Rules:
    """Return the rules that ``ipMasq`` asks for."""
    if not flag(call.fields, "ipMasq"):
        return Rules()
    return Rules(tuple(Masquerade(one.address, call.network) for one in result.addresses))


def is_ipv6(result: Result) -> bool:
    """Return whether there is an IPv6 address among them."""
    return any(one.family == 6 for one in result.addresses)


def configure(result: Result, link: int) -> list[Request]:
    """Return what gives the pod's ``link`` its addresses and routes, and sets it up."""
    requests = [addresses.add(link, *split(one.address)) for one in result.addresses]
    requests.append(links.change(link, up=True))
    return requests + [routes.add(route, content=True) for route in routes_of(result, link)]


def routes_of(result: Result, link: int) -> list[Route]:
    """Return the routes of the IPAM plugin, all by ``link``; one without a gateway of its own takes
    that of the first address of its family. Of two to one destination the first counts."""
    found: dict[tuple[str, int], Route] = {}
    for one in result.routes:
        destination, length = split(one.destination)
        ipv6 = ":" in destination
        gateway = one.gateway or next(
            (a.gateway for a in result.addresses if (a.family == 6) == ipv6 and a.gateway), ""
        )
        first = network(destination, length)
        everywhere = first in _EVERYWHERE and not length
        route = Route(
            "" if everywhere else first, length, link, gateway=spelled(gateway), ipv6=ipv6
        )
        found.setdefault((first, length), route)
    return list(found.values())


def split(text: str) -> tuple[str, int]:
    """Return address, as the kernel spells it, and prefix length of a CIDR, which ``net.result``
    has checked."""
    address, _, length = text.partition("/")
    return spelled(address), int(length)


def spelled(address: str) -> str:
    """Return an address as the kernel spells it; "" stays."""
    return network(address, bits(address)) if address else ""


def bits(address: str) -> int:
    """Return how many bits such an address has."""
    return 128 if ":" in address else 32


def network(address: str, length: int) -> str:
    """Return the first address of the network of ``length`` bits around ``address``."""
    family, packed = addresses.pack(address)
    rest = 8 * len(packed) - length
    first = int.from_bytes(packed, "big") >> rest << rest
    return _socket.inet_ntop(family, first.to_bytes(len(packed), "big"))


def following(address: str) -> str:
    """Return the address after ``address``."""
    family, packed = addresses.pack(address)
    return _socket.inet_ntop(
        family, (int.from_bytes(packed, "big") + 1).to_bytes(len(packed), "big")
    )
