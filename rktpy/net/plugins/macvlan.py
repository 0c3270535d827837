"""``macvlan``: a link with a hardware address of its own on a link of the host (CNI's plugin).

Pods reach each other and the network behind the master; the host itself they do not (the kernel's
rule for such links).
"""

from __future__ import annotations

from rktpy.host.netlink import links
from rktpy.net.plugins.options import hardware_address
from rktpy.net.plugins.sublink import Sublinks, expect, mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.host.netlink.links import Link
    from rktpy.net.call import Call
    from rktpy.net.plugins.sublink import Build


class Macvlan(Sublinks):
    """``mode`` is how pods of one master see each other. Without ``ipam`` the link is just up."""

    __slots__ = ()

    kind = "macvlan"
    needs_addresses = False

    def plan(self, call: Call) -> Build:
        way = mode(call, links.MACVLAN_MODES, "bridge")
        return lambda new, parent: links.macvlan(new, parent, way)

    def see(self, call: Call, link: Link) -> None:
        way = mode(call, links.MACVLAN_MODES, "bridge")
        expect(f"mode of {call.interface}", link.mode, way)

    def mac(self, call: Call) -> bytes:
        return hardware_address(call)
