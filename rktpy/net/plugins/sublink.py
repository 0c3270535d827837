"""Links of a pod that lie on a link of the host: what macvlan, ipvlan and vlan have in common."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod

from rktpy.codec import quote
from rktpy.config.fields import text
from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.host.netlink import links
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.links import New
from rktpy.host.netlink.routes import MAIN_TABLE
from rktpy.host.netlink.wire import NetlinkError
from rktpy.net.plugins import addressing, settings
from rktpy.net.plugins.options import mtu, spell_mac
from rktpy.net.plugins.veth import host_names
from rktpy.net.result import Interface, Result
from rktpy.net.rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.host.netlink.links import Link
    from rktpy.host.netlink.wire import Request
    from rktpy.net.call import Call, Plugin
    from rktpy.net.plugins.presence import Side

    Build = Callable[[New, int], Request]


class SublinkError(RktError):
    """A pod cannot get a link on a link of the host, or that is not as it was made."""


class Sublinks(ABC):
    """A plugin for one kind of such links; ``ipam`` finds the one that gives addresses.

    A kind says how its link is made (``plan``) and how it should be (``see``).
    """

    __slots__ = ("_ipam",)

    kind = ""
    needs_addresses = True
    announces = True  # tells its neighbours of its addresses

    def __init__(self, ipam: Callable[[str], Plugin]) -> None:
        self._ipam = ipam

    def add(self, call: Call) -> Result:
        """Make the link and give it its addresses.

        Raises:
            RktError: the configuration is wrong, or the kernel says no; then nothing is left.
        """
        build, mac = self.plan(call), self.mac(call)

        def use(given: Result) -> Result:
            announce = self.announces and bool(given.addresses)
            made = join(call, build, given, mac=mac, announce=announce)
            return made.replace(dns=addressing.dns_of(call))

        def complete(given: Result) -> Result:
            addressing.configure_link(call, given)
            own = tuple(one.replace(interface=0) for one in given.addresses)
            return given.replace(addresses=own, dns=addressing.dns_of(call))

        if addressing.needs_link(call, self._ipam):
            made = join(call, build, Result(), mac=mac, announce=self.announces)
            return addressing.given_to_link(call, self._ipam, made, complete)
        if addressing.has_ipam(call) or (self.needs_addresses and not self.inherited(call)):
            return addressing.given(call, self._ipam, use)
        return use(self.inherited(call) or Result())

    def delete(self, call: Call) -> None:
        """Remove the pod's link and give the addresses back."""
        addressing.take_out(call, self._ipam)

    def check(self, call: Call) -> None:
        """Compare link, addresses and routes with what ``add`` returned.

        Raises:
            RktError: something is missing.
        """
        from rktpy.net.plugins import presence

        addressing.ask_check(call, self._ipam)

        def look(pod: Side, _host: Side, link: Link, wanted: Result) -> None:
            self.see(call, link)
            pod.routes(addressing.routes_of(wanted, link.index))

        presence.check(call, self.kind, look)

    def rules(self, call: Call, result: Result) -> Rules:
        return Rules()

    @abstractmethod
    def plan(self, call: Call) -> Build:
        """Return what makes the request for a new link on one with a given index. Pure.

        Raises:
            RktError: the configuration is wrong.
        """

    @abstractmethod
    def see(self, call: Call, link: Link) -> None:
        """See that ``link`` is as the configuration says.

        Raises:
            SublinkError: it is not.
        """

    def mac(self, call: Call) -> bytes:
        """Return the hardware address that is asked for, empty for the kernel's choice."""
        return b""

    def inherited(self, call: Call) -> Result | None:
        """Return the addresses that the plugins before have got, None if they are not used."""
        return None


def mode(call: Call, known: Mapping[str, int], default: str) -> str:
    """Return ``mode`` of the configuration, which is one of ``known``.

    Raises:
        SublinkError: it is not one of these.
    """
    found = text(call.fields, "mode") or default
    if found not in known:
        kind = call.fields.get("type")
        raise SublinkError(
            f"unknown {kind} mode: {quote(found)}", hint=f"one of {', '.join(known)}"
        )
    return found


def expect(what: str, found: object, wanted: object) -> None:
    """Raise ``SublinkError`` unless ``found`` is what is ``wanted``."""
    if found != wanted:
        raise SublinkError(f"the {what} is {found}, not {wanted}")


def join(call: Call, build: Build, given: Result, *, mac: bytes = b"", announce: bool) -> Result:
    """Make the pod's link as ``build`` says, configure it, and return ``given`` with it.

    Raises:
        SublinkError: there is no such master, or the pod has a link of that name already.
        RktError: the kernel says no; then there is no link.
    """
    with Netlink() as host:
        above = master(call, host)
        new = New("link", mtu(call.fields, above.mtu), mac)
        with netns.channel(call.netns) as pod:
            link = _make(call, host, pod, lambda one: build(one, above.index), new)
            try:
                own = settings.for_pod_end(
                    call.interface, ipv6=addressing.is_ipv6(given), announce=announce
                )
                if own:
                    with netns.within(call.netns):
                        settings.apply(own)
                pod.perform(*addressing.configure(given, link.index))
            except BaseException:
                _remove(pod, link)
                raise
    return given.replace(
        interfaces=(Interface(link.name, spell_mac(link.address), call.netns),),
        addresses=tuple(one.replace(interface=0) for one in given.addresses),
    )


def master(call: Call, host: Netlink) -> Link:
    """Return the link of the host that ``master`` names; without it, that of the default route.

    Raises:
        SublinkError: there is none.
    """
    name = text(call.fields, "master")
    if not name and call.fields.get("type") == "ipvlan" and call.previous is not None:
        name = _before(call.previous)
    if not name:
        return _default(call, host)
    try:
        return host.link(name)
    except NetlinkError as error:
        if error.number != errno.ENODEV:
            raise
        raise SublinkError(
            f"the host has no link {quote(name)}, which is the master of network"
            f" {quote(call.network)}",
            hint="list them with: ip link",
        ) from None


def _before(previous: Result) -> str:
    if len(previous.interfaces) != 1 or not previous.interfaces[0].name:
        raise SublinkError("chained master failure. PrevResult lacks a single named interface")
    return previous.interfaces[0].name


def _default(call: Call, host: Netlink) -> Link:
    for ipv6 in (False, True):
        for route in host.routes(ipv6=ipv6):
            if not route.destination and route.table == MAIN_TABLE and route.link:
                return next(link for link in host.links() if link.index == route.link)
    raise SublinkError(
        f'network {quote(call.network)} names no "master", and the host has no default route'
    )


def _make(
    call: Call, host: Netlink, pod: Netlink, build: Callable[[New], Request], new: New
) -> Link:
    """Make the link there. The kernel asks the host whether the name is free, although the link is
    made elsewhere: so it has one that nobody has until it is there."""
    passing = host_names(call.container, call.interface)[0]
    fd = netns.open_path(call.netns)
    try:
        _clear(pod, passing)
        host.perform(build(new.replace(name=passing, namespace=fd)))
    finally:
        os.close(fd)
    link = pod.link(passing)
    try:
        pod.perform(links.change(link.index, name=call.interface))
    except NetlinkError as error:
        _remove(pod, link)
        if error.number == errno.EEXIST:
            raise SublinkError(f"the pod has a link {quote(call.interface)} already") from error
        raise
    except BaseException:
        _remove(pod, link)
        raise
    return link.replace(name=call.interface)


def _clear(pod: Netlink, name: str) -> None:
    """Remove what an ADD that was killed before the renaming has left."""
    try:
        pod.perform(links.delete(pod.link(name).index))
    except NetlinkError as error:
        if error.number != errno.ENODEV:
            raise


def _remove(pod: Netlink, link: Link) -> None:
    try:
        pod.perform(links.delete(link.index))
    except NetlinkError:
        pass  # it ends with the pod's namespace at the latest
