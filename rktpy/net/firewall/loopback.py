"""Links by which the host's own 127.0.0.0/8 and ::1 reach a pod's published ports.

The kernel sends nothing from or to these beyond ``lo``, unless told so for each link:

IPv4  ``route_localnet``. The link then takes such packets from anybody, so the pod's table drops
      what its link brings with such an address on it (``nft``): answers come to another address and
      are translated behind that.
IPv6  has no such switch, and needs none to send: a route "local ::1" by the link lets in what has
      been translated to ::1. What has ::1 on it when it arrives is dropped by the kernel itself.
      So are answers by a bridge where br_netfilter translates them before they arrive: there ::1
      leads nowhere (``net.bridge.bridge-nf-call-ip6tables``), nothing we could say helps.

Several pods may share a link (a bridge): the last one closes it. Who opens one says so first:

/run/rktpy/net/loopback/     locked while anything in it is read or written
├── pods/<uuid>              a line for each link: "ipv4 veth1f2e@4:4026531840"
└── ipv4/<link>@<namespace>/<uuid>, ipv6/<link>@<namespace>/<uuid>

The namespace is that of the network (``runtime.here``): each has links of its own, perhaps of the
same names. Older versions wrote none.

A link that somebody else has opened stays as it is. Sources: ip-sysctl.rst; ip6_rcv_core() in
net/ipv6/ip6_input.c and rt6_need_strict() in net/ipv6/route.c.
"""

from __future__ import annotations

import errno
import os
from _socket import if_indextoname, if_nametoindex

from rktpy.host import lock
from rktpy.host.netlink import routes
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.routes import Route
from rktpy.host.netlink.wire import NetlinkError
from rktpy.layout import RUNTIME_DIR
from rktpy.net import runtime
from rktpy.net.firewall import sysctls
from rktpy.net.firewall.addresses import host_part, place
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.net.rules import Rules

DIRECTORY = f"{RUNTIME_DIR}/net/loopback"
_LO = 1  # its index, in every namespace
_LOCAL_TABLE, _LOCAL = 255, 2  # RT_TABLE_LOCAL, RTN_LOCAL
_METRIC = 2048  # and the index of the link: ``lo`` itself has 0 and comes first


class Door(Value):
    """A link and one family."""

    link: int
    name: str
    ipv6: bool

    @property
    def family(self) -> str:
        """As on disk."""
        return "ipv6" if self.ipv6 else "ipv4"

    @property
    def line(self) -> str:
        """As on disk, for who is in its network namespace."""
        return f"{self.family} {self.name}@{runtime.here()}"


def find(rules: Rules) -> tuple[Door, ...]:
    """Return the links by which the host reaches the pod for ports it has on loopback."""
    pods = [
        place(one.address)
        for one in rules.forwards
        if one.back and _on_loopback(one.port.host_ip, ipv6=place(one.address).ipv6)
    ]
    doors: dict[Door, None] = {}
    if not pods:
        return ()
    with Netlink() as netlink:
        for pod in dict.fromkeys(pods):
            try:
                route = netlink.route(pod.address)
                # Behind a gateway there is no pod of this host, but perhaps its neighbours.
                if route.link != _LO and not route.gateway:
                    doors[Door(route.link, if_indextoname(route.link), pod.ipv6)] = None
            except (NetlinkError, OSError):
                continue  # the pod's link is gone
    return tuple(doors)


def claim(uuid: str, doors: Iterable[Door]) -> tuple[Door, ...]:
    """Write down that the pod needs ``doors`` and no others; return those that are ours to open.

    Raises:
        OSError: the disk says no.
    """
    runtime.make(f"{DIRECTORY}/pods")
    wanted = tuple(doors)
    if not wanted and not os.path.lexists(f"{DIRECTORY}/pods/{uuid}"):
        return ()  # most pods: nobody need wait
    with lock.lock_dir(DIRECTORY):
        mine = tuple(door for door in wanted if _is_ours(door))
        lines = [door.line for door in mine]
        before = _claimed(uuid)
        _note(uuid, dict.fromkeys([*before, *lines]))
        for line in lines:
            runtime.make(_place(line))
            os.close(os.open(f"{_place(line)}/{uuid}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC))
        _leave(uuid, [line for line in before if line not in lines])
        _note(uuid, lines)
    return mine


def is_claimed(uuid: str, door: Door) -> bool:
    """Return whether the pod has opened ``door``."""
    return os.path.lexists(f"{_place(door.line)}/{uuid}")


def release(uuid: str) -> None:
    """Close what nobody but the pod needs open; nothing is fine.

    Raises:
        OSError: the disk says no.
    """
    if not os.path.lexists(f"{DIRECTORY}/pods/{uuid}"):
        return
    with lock.lock_dir(DIRECTORY):
        _leave(uuid, _claimed(uuid))
        _note(uuid, ())


def open_doors(doors: Iterable[Door]) -> None:
    """Open ``doors``; the table that guards them must stand.

    Raises:
        SysctlError: the kernel says no.
        NetlinkError: the kernel says no.
    """
    for door in doors:
        if not door.ipv6:
            sysctls.take_loopback(door.name)
            continue
        with Netlink() as netlink:
            try:
                netlink.perform(routes.add(_route(door.link)))
            except NetlinkError as error:
                if error.number != errno.EEXIST:
                    raise


def _is_ours(door: Door) -> bool:
    """Return whether the link is shut, or was opened by a pod."""
    if door.ipv6:
        return True
    if sysctls.takes_loopback("all"):
        return False
    if not sysctls.takes_loopback(door.name):
        return True
    return _is_used(door.line)


def _is_used(line: str) -> bool:
    """Return whether a pod has the link of ``line``, whichever version wrote it down."""
    plain = line.partition("@")[0]
    return any(_has_pods(_place(one)) for one in (line, plain, f"{plain}@{runtime.here()}"))


def _has_pods(path: str) -> bool:
    try:
        return bool(os.listdir(path))
    except FileNotFoundError:
        return False


def _leave(uuid: str, lines: Iterable[str]) -> None:
    for line in lines:
        try:
            os.unlink(f"{_place(line)}/{uuid}")
        except FileNotFoundError:
            pass
        if not _is_used(line):
            _close(*line.split(" ", 1))
        try:
            os.rmdir(_place(line))
        except OSError:
            pass  # others have it, or it is gone


def _close(family: str, link: str) -> None:
    name, _, namespace = link.partition("@")
    if namespace not in ("", runtime.here()):
        return  # gone with it
    try:
        index = if_nametoindex(name)
    except OSError:
        return  # gone, and its switch and route with it
    if family == "ipv4":
        sysctls.refuse_loopback(name)
        return
    with Netlink() as netlink:
        try:
            netlink.perform(routes.delete(_route(index)))
        except NetlinkError as error:
            if error.number not in (errno.ESRCH, errno.ENODEV):
                raise


def _route(link: int) -> Route:
    return Route(
        "::1", 128, link, priority=_METRIC + link, ipv6=True, table=_LOCAL_TABLE, kind=_LOCAL
    )


def _claimed(uuid: str) -> list[str]:
    try:
        with open(f"{DIRECTORY}/pods/{uuid}", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    # A name is one step of a path.
    return [
        line
        for line in lines
        if line[:5] in ("ipv4 ", "ipv6 ") and "/" not in line and line[5:] not in ("", ".", "..")
    ]


def _note(uuid: str, lines: Iterable[str]) -> None:
    path = f"{DIRECTORY}/pods/{uuid}"
    text = "".join(f"{line}\n" for line in lines)
    if text:
        with open(f"{DIRECTORY}/.new", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.rename(f"{DIRECTORY}/.new", path)
        return
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _place(line: str) -> str:
    family, name = line.split(" ", 1)
    return f"{DIRECTORY}/{family}/{name}"


def _on_loopback(host_ip: str, *, ipv6: bool) -> bool:
    host = host_part(host_ip, ipv6=ipv6)
    return host is not None and (host in ("", "::1") or host.startswith("127."))
