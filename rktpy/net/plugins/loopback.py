"""``loopback``: ``lo`` of the pod, up. Whatever interface the call names."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.netlink import links
from rktpy.host.netns import channel
from rktpy.net.plugins.options import spell_mac
from rktpy.net.result import Address, Interface, Result
from rktpy.net.rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.net.call import Call, Plugin

_NAME = "lo"


class LoopbackError(RktError):
    """``lo`` of the pod is not as it should be."""


class Loopback:
    """See ``Plugin``."""

    __slots__ = ()

    def __init__(self, ipam: Callable[[str], Plugin] | None = None) -> None:
        """``ipam`` is not needed: the kernel gives the addresses."""

    def add(self, call: Call) -> Result:
        """Set it up, and return its addresses, or the result of the plugins before.

        Raises:
            LoopbackError: it has an address that is none of a loopback.
        """
        with channel(call.netns) as pod:
            link = pod.link(_NAME)
            pod.perform(links.change(link.index, up=True))
            have = [one for one in pod.addresses() if one.index == link.index]
        for one in have:
            if not (one.address.startswith("127.") or one.address == "::1"):
                raise LoopbackError(
                    f"loopback interface found with non-loopback address {quote(one.address)}"
                )
        if call.previous is not None:
            return call.previous
        first = {":" in one.address: one for one in reversed(have)}
        own = tuple(
            Address(f"{first[ipv6].address}/{first[ipv6].prefix}", interface=0)
            for ipv6 in (False, True)
            if ipv6 in first
        )
        return Result((Interface(_NAME, spell_mac(link.address), call.netns),), own)

    def delete(self, call: Call) -> None:
        """Do nothing: it ends with the pod's namespace."""

    def check(self, call: Call) -> None:
        """See that it is up.

        Raises:
            LoopbackError: it is down.
        """
        with channel(call.netns) as pod:
            if not pod.link(_NAME).up:
                raise LoopbackError("loopback interface is down")

    def rules(self, call: Call, result: Result) -> Rules:
        return Rules()
