"""``bridge``: pods are ports of a bridge of the host, which may be their gateway (CNI's plugin).

The bridge is made when the first pod comes, and stays. ``macspoofchk`` is refused: the program of
that name has it. Keys are on the plugin's page on cni.dev.
"""

from __future__ import annotations

import errno

from rktpy.codec import quote
from rktpy.config.fields import text
from rktpy.host.netlink import bridges, links
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.links import New
from rktpy.host.netlink.wire import NetlinkError
from rktpy.net.firewall import sysctls
from rktpy.net.plugins import addressing, gateways, settings
from rktpy.net.plugins.gateways import BridgeError
from rktpy.net.plugins.options import flag, hardware_address, mtu, number, spell_mac
from rktpy.net.plugins.veth import Pair
from rktpy.net.result import Interface, Result
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.netlink.links import Link
    from rktpy.net.call import Call, Plugin
    from rktpy.net.plugins.presence import Side
    from rktpy.net.rules import Rules

_DEFAULT_NAME = "cni0"
_LARGEST_TAG = 4094


class Options(Value):
    """What the configuration asks for."""

    name: str
    mtu: int
    gateway: bool  # the bridge has the gateway's address
    default: bool  # and is the pod's way to everywhere
    force: bool  # other addresses of the bridge go
    hairpin: bool
    promiscuous: bool
    tag: int
    mac: bytes

    def check(self) -> None:
        """Refuse what does not go together."""
        if self.hairpin and self.promiscuous:
            raise BridgeError("cannot set hairpin mode and promiscuous mode at the same time")


def options(call: Call) -> Options:
    """Return what the configuration asks for.

    Raises:
        RktError: it has a value that cannot be.
    """
    fields = call.fields
    if flag(fields, "macspoofchk"):
        raise BridgeError(
            f"network {quote(call.network)} has macspoofchk, which the built-in bridge has not",
            hint="put CNI's program of the name bridge into net.d",
        )
    default = flag(fields, "isDefaultGateway")
    return Options(
        text(fields, "bridge") or _DEFAULT_NAME,
        mtu(fields),
        flag(fields, "isGateway") or default,
        default,
        flag(fields, "forceAddress"),
        flag(fields, "hairpinMode"),
        flag(fields, "promiscMode"),
        number(fields, "vlan", _LARGEST_TAG),
        hardware_address(call),
    )


class Bridge:
    """The plugin; ``ipam`` finds the one that gives addresses. Without one the link is just up."""

    __slots__ = ("_ipam",)

    def __init__(self, ipam: Callable[[str], Plugin]) -> None:
        self._ipam = ipam

    def add(self, call: Call) -> Result:
        """Make the pod a port of the bridge, which is made if there is none.

        Raises:
            RktError: the configuration is wrong, or the kernel says no; then only the bridge is
                left.
        """
        wanted = options(call)
        if not addressing.has_ipam(call):
            return _join(call, wanted, Result())

        if addressing.needs_link(call, self._ipam):
            made = _join(call, wanted, Result())
            return addressing.given_to_link(
                call, self._ipam, made, lambda given: _complete(call, wanted, given)
            )

        def use(given: Result) -> Result:
            return _join(call, wanted, gateways.complete(given, wanted))

        return addressing.given(call, self._ipam, use)

    def delete(self, call: Call) -> None:
        """Remove the pod's link and give the addresses back; the bridge stays."""
        addressing.take_out(call, self._ipam)

    def check(self, call: Call) -> None:
        """Compare links, addresses and routes with what ``add`` returned.

        Raises:
            RktError: something is missing.
        """
        from rktpy.net.plugins import presence

        addressing.ask_check(call, self._ipam)
        wanted = options(call)

        def look(pod: Side, host: Side, link: Link, result: Result) -> None:
            pod.routes(addressing.routes_of(result, link.index))
            bridge = host.link(wanted.name, kind="bridge")
            for name in presence.host_names(result)[1:2]:
                host.link(name, kind="veth", master=bridge.index)
            if wanted.gateway:
                home = host.link(gateways.home(wanted)) if wanted.tag else bridge
                host.addresses(home, gateways.addresses(result))

        presence.check(call, "veth", look)

    def rules(self, call: Call, result: Result) -> Rules:
        """Return a masquerade for each address, if the configuration wants it."""
        return addressing.masquerades(call, result)


def _join(call: Call, wanted: Options, given: Result) -> Result:
    ipv6, has_addresses = addressing.is_ipv6(given), bool(given.addresses)
    own = settings.for_pod_end(call.interface, ipv6=ipv6, announce=has_addresses)
    with Netlink() as host:
        bridge = _ensure(host, wanted)
        with Pair(call, own, mtu=wanted.mtu, mac=wanted.mac) as pair:
            try:
                _plug(host, bridge, pair.outside, wanted)
                pair.pod.perform(*addressing.configure(given, pair.inside.index))
                extra = _be_gateway(host, bridge, wanted, given)
            except BaseException:
                pair.undo()
                raise
        # Its address may have become another one, that of a port.
        bridge = host.link(wanted.name)
    interfaces = (
        Interface(bridge.name, spell_mac(bridge.address)),
        Interface(pair.outside.name, spell_mac(pair.outside.address)),
        Interface(pair.inside.name, spell_mac(pair.inside.address), call.netns),
        *extra,
    )
    return given.replace(
        interfaces=interfaces,
        addresses=tuple(one.replace(interface=2) for one in given.addresses),
        dns=addressing.dns_of(call),
    )


def _complete(call: Call, wanted: Options, found: Result) -> Result:
    """Give the pod's end, which is a port already, its addresses."""
    given = gateways.complete(found, wanted)
    addressing.configure_link(call, given)
    with Netlink() as host:
        _be_gateway(host, host.link(wanted.name), wanted, given)
    return given.replace(
        addresses=tuple(one.replace(interface=2) for one in given.addresses),
        dns=addressing.dns_of(call),
    )


def _ensure(host: Netlink, wanted: Options) -> Link:
    """Return the bridge, up; two that make it at once get the same one.

    One that the host had, and whose gateway is elsewhere, may listen to that for routes.
    """
    own = True
    try:
        host.perform(links.bridge(New(wanted.name, wanted.mtu), filtering=bool(wanted.tag)))
    except NetlinkError as error:
        if error.number != errno.EEXIST:
            raise
        own = False
    bridge = host.link(wanted.name)
    if bridge.kind != "bridge":
        raise BridgeError(f"{quote(wanted.name)} already exists but is not a bridge")
    if wanted.tag and not bridge.filtering:
        raise BridgeError(
            f"bridge {quote(wanted.name)} does not keep VLANs apart",
            hint=f"it was made without; try: ip link set {wanted.name} type bridge"
            " vlan_filtering 1",
        )
    if own or wanted.gateway:
        settings.apply((settings.Setting(f"net/ipv6/conf/{wanted.name}/accept_ra", "0"),))
    host.perform(
        links.change(bridge.index, up=True, promiscuous=True if wanted.promiscuous else None)
    )
    return bridge


def _plug(host: Netlink, bridge: Link, port: Link, wanted: Options) -> None:
    """Make ``port`` one of the bridge, and set it up."""
    host.perform(links.change(port.index, up=True, master=bridge.index))
    if wanted.hairpin:
        host.perform(bridges.hairpin(port.index, on=True))
    if wanted.tag:
        host.perform(bridges.member(port.index, wanted.tag))


def _be_gateway(
    host: Netlink, bridge: Link, wanted: Options, given: Result
) -> tuple[Interface, ...]:
    """Give the bridge, or its link of the VLAN, the gateways' addresses; return the latter."""
    if not wanted.gateway or not given.addresses:
        return ()
    home = _ensure_tagged(host, bridge, wanted) if wanted.tag else bridge
    if not any(home.address):  # a bridge whose last port went has none until the next one comes
        home = host.link(home.name)
    for one in dict.fromkeys(gateways.addresses(given)):
        have = [a for a in host.addresses() if a.index == home.index]
        try:
            host.perform(*gateways.changes(home, have, one, force=wanted.force))
        except NetlinkError as error:
            if error.number != errno.EEXIST:  # another pod's ADD was quicker
                raise
    for family in {one.family for one in given.addresses}:
        sysctls.forward(ipv6=family == 6)
    return (Interface(home.name, spell_mac(home.address)),) if wanted.tag else ()


def _ensure_tagged(host: Netlink, bridge: Link, wanted: Options) -> Link:
    """Return the host's own link in the VLAN: the other end of a pair that is a port, or what the
    host, or CNI's program, has there under this name already."""
    name = gateways.home(wanted)
    port = gateways.port_name(name)
    try:
        host.perform(links.veth(New(name, bridge.mtu), New(port, bridge.mtu)))
    except NetlinkError as error:
        if error.number != errno.EEXIST:
            raise
    link = host.link(name)
    if link.kind == "vlan" and (link.parent, link.tag) == (bridge.index, wanted.tag):
        host.perform(bridges.itself(bridge.index, wanted.tag))
    else:
        # Each time: who made the pair may have been killed before all of this was done.
        _plug(host, bridge, _other_end(host, link, port, bridge), wanted.replace(hairpin=False))
        settings.apply(settings.for_host_end(name))
    host.perform(links.change(link.index, up=True))
    return link


def _other_end(host: Netlink, link: Link, ours: str, bridge: Link) -> Link:
    """Return the port of ``bridge`` at the other end of ``link``; that of our pair is called
    ``ours``, and may be none yet."""
    for one in host.links() if link.kind == "veth" else ():
        both = (one.index, one.parent) == (link.parent, link.index)
        if both and (one.name == ours or one.master == bridge.index):
            return one
    raise BridgeError(
        f"link {quote(link.name)} is there, but leads to no port of {quote(bridge.name)} and is no"
        " VLAN link on it",
        hint=f"give it another name with: ip link set {link.name} name …",
    )
