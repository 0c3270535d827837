"""What plugins do with the addresses that an IPAM plugin gives: ask, assign, compare, give back."""

from __future__ import annotations

import _socket

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.netlink import routes
from rktpy.host.netlink.routes import Route
from rktpy.host.netns import channel
from rktpy.net.result import DNS, Result, read_result
from rktpy.net.rules import Masquerade, Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.netlink.channel import Netlink
    from rktpy.host.netlink.wire import Request
    from rktpy.net.call import Call, Plugin

    Ipam = Callable[[str], Plugin]

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - destinations of default routes


class AddressingError(RktError):
    """A pod cannot get, or has lost, its addresses."""


def ask(call: Call, ipam: Ipam) -> Result:
    """Return what the network's IPAM plugin gives the pod: at least one address.

    Raises:
        AddressingError: the configuration names none, or it gave nothing.
        RktError: of the IPAM plugin.
    """
    given = ipam(_kind(call)).add(call)
    if not given.addresses:
        raise AddressingError("IPAM plugin returned missing IP config")
    return given


def give_back(call: Call, ipam: Ipam) -> None:
    """Have the IPAM plugin take back what it gave; errors as ``ask``."""
    ipam(_kind(call)).delete(call)


def _kind(call: Call) -> str:
    fields = call.fields.get("ipam")
    kind = fields.get("type") if isinstance(fields, dict) else None
    if not isinstance(kind, str) or not kind:
        raise AddressingError(
            f"the configuration of network {quote(call.network)} does not say where addresses"
            ' come from: "ipam" with a "type"'
        )
    return kind


def dns_of(call: Call) -> DNS | None:
    """Return what the configuration itself says of name servers, None if nothing."""
    found = read_result({"dns": call.fields["dns"]}).dns if call.fields.get("dns") else DNS()
    return found if found != DNS() else None


def masquerades(call: Call, result: Result) -> Rules:
    """Return the rules that ``ipMasq`` asks for."""
    if call.fields.get("ipMasq") is not True:
        return Rules()
    return Rules(tuple(Masquerade(one.address, call.network) for one in result.addresses))


def route_requests(given: Result, link: int) -> list[Request]:
    """Return what makes the routes of the IPAM plugin lead out by ``link``; without a gateway of
    its own a route takes that of the first address of its family. Pure."""
    requests = []
    for one in given.routes:
        destination, length = split(one.destination)
        ipv6 = ":" in destination
        gateway = one.gateway or next(
            (a.gateway for a in given.addresses if (a.family == 6) == ipv6), ""
        )
        everywhere = destination in _EVERYWHERE and not length
        route = Route("" if everywhere else destination, length, link, gateway=gateway, ipv6=ipv6)
        requests.append(routes.add(route))
    return requests


def check(call: Call, ipam: Ipam) -> None:
    """Compare the pod's link with ``call.previous``: it is up and has its addresses.

    Raises:
        AddressingError: something is missing.
    """
    ipam(_kind(call)).check(call)
    previous = call.previous or Result()
    with channel(call.netns) as pod:
        check_link(call, pod)
        have = {f"{one.address}/{one.prefix}" for one in pod.addresses()}
    for address in previous.addresses:
        if spell(address.address) not in have:
            raise AddressingError(f"{call.interface} of the pod has lost {address.address}")


def check_link(call: Call, pod: Netlink) -> None:
    """Look at the pod's end; errors as ``check``."""
    if not pod.link(call.interface).up:
        raise AddressingError(f"{call.interface} of the pod is down")


def split(text: str) -> tuple[str, int]:
    """Return address and prefix length of a CIDR, which ``net.result`` has checked."""
    address, _, length = text.partition("/")
    return address, int(length)


def spell(text: str) -> str:
    """Return a CIDR as the kernel spells it."""
    address, length = split(text)
    return f"{network(address, 128 if ':' in address else 32)}/{length}"


def network(address: str, length: int) -> str:
    """Return the first address of the network of ``length`` bits around ``address``."""
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    packed = _socket.inet_pton(family, address)
    rest = 8 * len(packed) - length
    first = int.from_bytes(packed, "big") >> rest << rest
    return _socket.inet_ntop(family, first.to_bytes(len(packed), "big"))


def spell_mac(address: bytes) -> str:
    """Return a hardware address as text."""
    return address.hex(":")
