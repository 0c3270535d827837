"""``ipvlan``: a link that shares the hardware address of a link of the host (CNI's plugin).

In a chain it may have no ``ipam``: then it takes the addresses of the plugin before, and that one's
link as its master.
"""

from __future__ import annotations

from rktpy.host.netlink import links
from rktpy.net.plugins.sublink import Sublinks, expect, mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.host.netlink.links import Link
    from rktpy.net.call import Call
    from rktpy.net.plugins.sublink import Build
    from rktpy.net.result import Result


class Ipvlan(Sublinks):
    """``mode`` is the layer on which it shares."""

    __slots__ = ()

    kind = "ipvlan"

    def plan(self, call: Call) -> Build:
        way = mode(call, links.IPVLAN_MODES, "l2")
        return lambda new, parent: links.ipvlan(new, parent, way)

    def see(self, call: Call, link: Link) -> None:
        expect(f"mode of {call.interface}", link.mode, mode(call, links.IPVLAN_MODES, "l2"))

    def inherited(self, call: Call) -> Result | None:
        before = call.previous
        return before if before is not None and before.addresses else None
