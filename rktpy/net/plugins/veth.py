"""A pair of links with one end in the pod."""

from __future__ import annotations

import errno
import hashlib
import os

from rktpy.host import netns
from rktpy.host.netlink import links
from rktpy.host.netlink.links import New
from rktpy.host.netlink.wire import NetlinkError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.host.netlink.channel import Netlink
    from rktpy.host.netlink.links import Link
    from rktpy.net.call import Call


class Pair(Value):
    """Both ends, as they were when they were made, and up."""

    inside: Link
    outside: Link


def host_name(container: str, interface: str) -> str:
    """Return the name of the host's end: always the same, so that a second try meets the first."""
    return "veth" + hashlib.sha256(f"{container} {interface}".encode()).hexdigest()[:8]


def make(call: Call, host: Netlink, pod: Netlink, *, master: int = -1) -> Pair:
    """Make the pair, the host's end in the bridge ``master`` if there is one, and set it up.

    Raises:
        NetlinkError: the kernel says no.
    """
    name = host_name(call.container, call.interface)
    mtu = call.fields.get("mtu")
    size = mtu if isinstance(mtu, int) and not isinstance(mtu, bool) else 0
    fd = netns.open_path(call.netns)
    try:
        request = links.veth(New(name, size), New(call.interface, size, namespace=fd))
        try:
            host.perform(request)
        except NetlinkError as error:
            if error.number != errno.EEXIST or not _remove(host, name):
                raise
            host.perform(request)
    finally:
        os.close(fd)
    outside, inside = host.link(name), pod.link(call.interface)
    host.perform(links.change(outside.index, up=True, master=master))
    pod.perform(links.change(inside.index, up=True))
    return Pair(inside, outside)


def _remove(host: Netlink, name: str) -> bool:
    """Remove what a try that was killed has left; whether there was something."""
    try:
        host.perform(links.delete(host.link(name).index))
    except NetlinkError as error:
        if error.number == errno.ENODEV:
            return False
        raise
    return True
