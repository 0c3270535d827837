"""What the kernel still knows of clients of published UDP ports, made to follow the rules.

Only the first packet of a connection meets NAT rules; the others go the way of the first as long as
the kernel remembers it: with UDP half a minute to two minutes after the last packet, so for ever
with a client that goes on. TCP needs nothing: a new connection is another one.
"""

from __future__ import annotations

from rktpy.appc.hostip import same_place
from rktpy.host.netlink import conntrack
from rktpy.host.netlink.channel import Netlink
from rktpy.net.firewall.addresses import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from rktpy.host.netlink.conntrack import Flow
    from rktpy.net.rules import Forward, Rules


def follow(rules: Rules) -> None:
    """Have clients of the UDP ports in ``rules``, which stand, meet them with their next packet.

    Raises:
        NetlinkError: the kernel says no.
    """
    forwards = tuple(one for one in rules.forwards if one.port.protocol == "udp")
    if not forwards:
        return
    with Netlink() as netlink:
        own = {one.address for one in netlink.addresses()}
    _forget(one for one in conntrack.flows(conntrack.UDP) if is_stale(one, forwards, own))


def forget(addresses: Iterable[str]) -> None:
    """Have the kernel forget with whom a pod spoke UDP; its rules are gone. ``addresses`` are its
    own (CIDR).

    Raises:
        NetlinkError: the kernel says no.
    """
    own = {place(one).address for one in addresses}
    _forget(one for one in conntrack.flows(conntrack.UDP) if is_of(one, own))


def is_stale(flow: Flow, forwards: Iterable[Forward], own: Collection[str]) -> bool:
    """Return whether ``flow`` is with a port of ``forwards`` and leads elsewhere. ``own`` are the
    host's addresses. Pure."""
    asked = flow.asked
    if not (asked.destination in own or asked.destination.startswith("127.")):
        return False  # a port of that number of somebody else
    meant = [one for one in forwards if _is_for(asked.destination, asked.port, one)]
    return bool(meant) and flow.answered.source not in {place(one.address).address for one in meant}


def is_of(flow: Flow, own: Collection[str]) -> bool:
    """Return whether ``flow`` was translated from or to one of ``own``. Pure."""
    return flow.answered.source in own or flow.asked.source in own


def _is_for(address: str, port: int, forward: Forward) -> bool:
    first = forward.port.host_port
    if not first <= port < first + forward.port.count:
        return False
    pod, host = place(forward.address), forward.port.host_ip
    return (":" in address) == pod.ipv6 and (not host or same_place(address, host))


def _forget(unwanted: Iterable[Flow]) -> None:
    found = tuple(unwanted)
    if found:
        conntrack.forget(found)
