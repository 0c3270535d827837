"""``tuning``: switches of the pod's namespace and of its link. A meta plugin: others made the link.

Nothing is noted for ``delete``, since the link ends with the pod's namespace. Source:
plugins/meta/tuning of containernetworking/plugins.
"""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.config.fields import mapping
from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.host.netlink import links
from rktpy.net.ipam.arguments import section
from rktpy.net.plugins import settings
from rktpy.net.plugins.options import flag, hardware_address, mtu, spell_mac
from rktpy.net.plugins.settings import Setting
from rktpy.net.rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.host.netlink.wire import Request
    from rktpy.net.call import Call, Plugin
    from rktpy.net.result import Result

_NETWORK = "net/"


class TuningError(RktError):
    """A network cannot be tuned as its configuration says, or is no longer tuned so."""


class Tuning:
    """See ``Plugin``."""

    __slots__ = ()

    def __init__(self, ipam: Callable[[str], Plugin] | None = None) -> None:
        """``ipam`` is not needed: the addresses are those of the plugins before."""

    def add(self, call: Call) -> Result:
        """Set what is to be set; return the result of the plugins before, with the new MAC.

        Raises:
            TuningError: there is none, or a switch is not one of the network.
            RktError: the kernel says no.
        """
        previous = _previous(call)
        wanted, mac = switches(call), hardware_address(call)
        with netns.within(call.netns):
            settings.apply(wanted)
        with netns.channel(call.netns) as pod:
            pod.perform(*changes(call, pod.link(call.interface).index))
        if not mac:
            return previous
        return previous.replace(
            interfaces=tuple(
                one.replace(mac=spell_mac(mac)) if one.name == call.interface else one
                for one in previous.interfaces
            )
        )

    def delete(self, call: Call) -> None:
        """Do nothing: what was tuned ends with the pod's namespace."""

    def check(self, call: Call) -> None:
        """See that all is as it was set.

        Raises:
            TuningError: it is not.
        """
        _previous(call)
        with netns.within(call.netns):
            for one in switches(call):
                if (value := settings.read(one.name)) != one.value:
                    raise TuningError(
                        f"{quote(one.name)} of the pod is {quote(value or '')},"
                        f" not {quote(one.value)}"
                    )
        with netns.channel(call.netns) as pod:
            link = pod.link(call.interface)
        fields, mac = _fields(call), hardware_address(call)
        multicast = fields.get("allmulti")
        for what, found, wanted in (
            ("MAC", spell_mac(link.address), spell_mac(mac or link.address)),
            ("MTU", link.mtu, mtu(fields) or link.mtu),
            ("promiscuous mode", link.promiscuous, flag(fields, "promisc")),
            ("allmulti", link.all_multicast,
             link.all_multicast if multicast is None else multicast),
        ):  # fmt: skip
            if found != wanted:
                raise TuningError(f"the {what} of {call.interface} is {found}, not {wanted}")

    def rules(self, call: Call, result: Result) -> Rules:
        return Rules()


def switches(call: Call) -> tuple[Setting, ...]:
    """Return the switches of ``sysctl``, ``IFNAME`` in them replaced. Pure.

    Raises:
        TuningError: one is not of the network.
    """
    found = []
    for key, value in (mapping(_fields(call), "sysctl") or {}).items():
        if not isinstance(value, str) or "\0" in value:
            raise TuningError(f"the value of sysctl {quote(key)} must be a string")
        name = key.replace("IFNAME", call.interface, 1).replace(".", "/")
        if os.path.normpath(name) != name or not name.startswith(_NETWORK) or "\0" in name:
            raise TuningError(f"invalid net sysctl key: {quote(key)}")
        found.append(Setting(name, value, needed=True))
    return tuple(found)


def changes(call: Call, link: int) -> list[Request]:
    """Return what changes the pod's ``link``. Pure; errors of ``options``."""
    fields = _fields(call)
    multicast = flag(fields, "allmulti") if fields.get("allmulti") is not None else None
    promiscuous = True if flag(fields, "promisc") else None
    mac, size = hardware_address(call), mtu(fields)
    if not mac and not size and promiscuous is None and multicast is None:
        return []
    return [
        links.change(link, mtu=size, address=mac, promiscuous=promiscuous, all_multicast=multicast)
    ]


def _fields(call: Call) -> Mapping[str, object]:
    """Return the configuration, with what ``args.cni`` says instead."""
    own = dict(call.fields)
    asked = section(call.fields, "args", "cni")
    for key in ("promisc", "mtu", "allmulti"):
        if asked.get(key) is not None:
            own[key] = asked[key]
    if asked.get("sysctl") is not None:
        own["sysctl"] = {**(mapping(own, "sysctl") or {}), **(mapping(asked, "sysctl") or {})}
    return own


def _previous(call: Call) -> Result:
    if call.previous is None:
        raise TuningError(
            "Required prevResult missing",
            hint=f"put tuning behind another plugin in the list of network {quote(call.network)}",
        )
    return call.previous
