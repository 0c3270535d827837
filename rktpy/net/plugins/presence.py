"""Whether the kernel still has what ``add`` made: what is wanted against what is there."""

from __future__ import annotations

import errno

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.wire import NetlinkError
from rktpy.host.netns import channel
from rktpy.net.plugins import addressing
from rktpy.net.plugins.options import spell_mac
from rktpy.net.result import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rktpy.host.netlink.links import Link
    from rktpy.host.netlink.routes import Route
    from rktpy.net.call import Call


class MissingError(RktError):
    """Something of a pod's network is gone, or not as it was made."""


class Side:
    """One namespace as it is: the pod's or the host's; ``whose`` is for messages."""

    __slots__ = ("_kernel", "_whose")

    def __init__(self, kernel: Netlink, whose: str) -> None:
        self._kernel = kernel
        self._whose = whose

    def link(self, name: str, *, kind: str = "", mac: str = "", master: int = 0) -> Link:
        """Return the link ``name``, which is up and as told.

        Raises:
            MissingError: it is not.
        """
        try:
            link = self._kernel.link(name)
        except NetlinkError as error:
            if error.number != errno.ENODEV:
                raise
            raise MissingError(f"{self._whose} has no link {quote(name)}") from None
        wrong = (
            (not link.up, "is down"),
            (kind and link.kind != kind, f"is not of kind {kind}"),
            (mac and spell_mac(link.address) != mac.lower(), f"has not the address {mac}"),
            (master and link.master != master, "is not in its bridge"),
        )
        for is_so, what in wrong:
            if is_so:
                raise MissingError(f"link {quote(name)} of {self._whose} {what}")
        return link

    def addresses(self, link: Link, wanted: Iterable[tuple[str, int]]) -> None:
        """See that ``link`` has the addresses; errors as above."""
        have = {(a.address, a.prefix) for a in self._kernel.addresses() if a.index == link.index}
        for address, length in wanted:
            if (address, length) not in have:
                raise MissingError(
                    f"link {quote(link.name)} of {self._whose} has lost {address}/{length}"
                )

    def routes(self, wanted: Iterable[Route]) -> None:
        """See that the routes are there: destination, gateway and link; errors as above.

        One to the same destination by another link is that of a network which came before.
        """
        have: set[tuple[object, ...]] = set()
        known: set[bool] = set()
        for route in wanted:
            ipv6 = route.ipv6 or ":" in route.destination
            if ipv6 not in known:
                known.add(ipv6)
                have |= {_essence(one, ipv6) for one in self._kernel.routes(ipv6=ipv6)}
            ours = _essence(route, ipv6)
            others = any(one[:3] == ours[:3] and one[4] != route.link for one in have)
            if ours not in have and not others:
                raise MissingError(f"{self._whose} has lost the route {route}")


def check(call: Call, kind: str, look: Callable[[Side, Side, Link, Result], None]) -> None:
    """Compare the pod's link and its addresses with ``call.previous``; ``look`` sees to the rest:
    it gets the pod's and the host's side, the link, and what is wanted.

    Raises:
        MissingError: what is not as it was.
    """
    wanted = call.previous or Result()
    own = next(
        (one for one in wanted.interfaces if one.sandbox and one.name == call.interface), None
    )
    with Netlink() as host, channel(call.netns) as inside:
        pod = Side(inside, "the pod")
        link = pod.link(call.interface, kind=kind, mac=own.mac if own else "")
        pod.addresses(link, (addressing.split(one.address) for one in wanted.addresses))
        look(pod, Side(host, "the host"), link, wanted)


def host_names(result: Result) -> tuple[str, ...]:
    """Return the links of the host that ``result`` names, in order."""
    return tuple(one.name for one in result.interfaces if not one.sandbox)


def _essence(route: Route, ipv6: bool) -> tuple[object, ...]:  # noqa: FBT001 - a key
    return (ipv6, route.destination, route.prefix, route.gateway, route.link)
