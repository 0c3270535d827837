"""A pair of links with one end in the pod."""

from __future__ import annotations

import errno
import os
from _blake2 import blake2s  # hashlib itself loads OpenSSL

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.host.netlink import links
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.links import New
from rktpy.host.netlink.wire import NetlinkError
from rktpy.net.plugins import settings
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.host.netlink.links import Link
    from rktpy.net.call import Call
    from rktpy.net.plugins.settings import Setting

_NAMES = 4


class VethError(RktError):
    """A pod cannot get its pair of links."""


class Pair(Resource):
    """Both ends, down, with a socket here and one there; ``close`` closes the sockets only."""

    __slots__ = ("host", "inside", "outside", "pod")

    def __init__(self, call: Call, own: Iterable[Setting], *, mtu: int, mac: bytes = b"") -> None:
        """Make the pair; ``own`` are settings of the pod's end.

        Raises:
            VethError: the pod has a link of that name already.
            RktError: the kernel says no; then there is no pair.
        """
        self.host = Netlink()
        try:
            self.outside = _make(call, self.host, mtu, mac)
            try:
                settings.apply(settings.for_host_end(self.outside.name))
                with netns.within(call.netns):
                    self.pod = Netlink()
                    settings.apply(own)
                self.inside = self.pod.link(call.interface)
            except BaseException:
                self.undo()
                raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the sockets; the pair stays."""
        self.host.close()
        if hasattr(self, "pod"):
            self.pod.close()

    def undo(self) -> None:
        """Remove both ends; they may be gone already."""
        try:
            self.host.perform(links.delete(self.outside.index))
        except NetlinkError:
            pass  # they end with the pod's namespace at the latest


def host_names(container: str, interface: str) -> tuple[str, ...]:
    """Return the names the host's end may have, in order: always the same, so that a second try
    meets the first. The later ones are for when somebody else has the name."""
    digest = blake2s(f"{container} {interface}".encode()).hexdigest()
    return tuple("veth" + digest[start : start + 8] for start in range(0, 8 * _NAMES, 8))


def _make(call: Call, host: Netlink, mtu: int, mac: bytes) -> Link:
    """Make the pair and return the host's end."""
    taken: NetlinkError | None = None
    fd = netns.open_path(call.netns)
    try:
        peer = New(call.interface, mtu, mac, fd)
        for name in host_names(call.container, call.interface):
            for _ in range(2):
                try:
                    host.perform(links.veth(New(name, mtu), peer))
                    return host.link(name)
                except NetlinkError as error:
                    if error.number != errno.EEXIST:
                        raise
                    taken = error
                if not _cleared(call, host, name):
                    break
    finally:
        os.close(fd)
    raise VethError(f"all names for the host's end of {call.interface} are taken") from taken


def _cleared(call: Call, host: Netlink, name: str) -> bool:
    """Remove the pair that a try that was killed has left; False if ``name`` is another's.

    Raises:
        VethError: the pod has a link of that name that we did not make.
    """
    with netns.channel(call.netns) as pod:
        inside = _found(pod, call.interface)
        if inside is None:
            return _found(host, name) is None  # it has just ended
        # The one that was killed may have had a later name, the first being still in use.
        known = [_found(host, one) for one in host_names(call.container, call.interface)]
        if (inside.parent, inside.index) not in [(one.index, one.parent) for one in known if one]:
            raise VethError(f"the pod has a link {quote(call.interface)} already")
        pod.perform(links.delete(inside.index))
    return True


def _found(kernel: Netlink, name: str) -> Link | None:
    try:
        return kernel.link(name)
    except NetlinkError as error:
        if error.number == errno.ENODEV:
            return None
        raise
