"""``vlan``: a link for the frames of a link of the host that carry one tag (CNI's plugin)."""

from __future__ import annotations

from rktpy.config.fields import text
from rktpy.host.netlink import links
from rktpy.net.plugins.options import number
from rktpy.net.plugins.sublink import SublinkError, Sublinks, expect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.host.netlink.links import Link
    from rktpy.net.call import Call
    from rktpy.net.plugins.sublink import Build

_LARGEST_TAG = 4094


class Vlan(Sublinks):
    """``master`` must be named; ``vlanId`` is the tag."""

    __slots__ = ()

    kind = "vlan"
    announces = False

    def plan(self, call: Call) -> Build:
        if not text(call.fields, "master"):
            raise SublinkError(
                '"master" field is required: it names the link of the host that carries the VLAN'
            )
        tag = number(call.fields, "vlanId", _LARGEST_TAG)
        return lambda new, parent: links.vlan(new, parent, tag)

    def see(self, call: Call, link: Link) -> None:
        tag = number(call.fields, "vlanId", _LARGEST_TAG)
        expect(f"VLAN of {call.interface}", link.tag, tag)
