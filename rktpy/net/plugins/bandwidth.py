"""``bandwidth``: how fast a pod may send and be sent to. A meta plugin: others made the link.

What the pod is sent waits at the host's end of its pair of links, what it sends in its own link,
each in a token bucket. The pod's own is out of reach of apps without CAP_NET_ADMIN. Links without
an end on the host (macvlan, ipvlan, vlan) can be limited in what they send only. Debian's program
limits both on the host, by way of one more link for each pod. Source: plugins/meta/bandwidth of
containernetworking/plugins.
"""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.host.netlink import qdiscs
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.qdiscs import Bucket
from rktpy.net.ipam.arguments import section
from rktpy.net.plugins.options import number
from rktpy.net.rules import Rules
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.host.netlink.links import Link
    from rktpy.net.call import Call, Plugin
    from rktpy.net.result import Result

_LARGEST_RATE = (1 << 63) - 1  # bits a second
_LARGEST_BURST = (1 << 34) - 1  # bits; half of what the kernel counts in bytes
_FRAME = 64  # bytes that a packet may have beyond the MTU
_LARGEST_LIMIT = (1 << 32) - 1  # bytes


class BandwidthError(RktError):
    """A pod cannot be limited as its network says, or is no longer limited so."""


class Limit(Value):
    """Bits a second, and bits at once; ``rate`` 0 is no limit."""

    rate: int = 0
    burst: int = 0


class Bandwidth:
    """See ``Plugin``."""

    __slots__ = ()

    def __init__(self, ipam: Callable[[str], Plugin] | None = None) -> None:
        """``ipam`` is not needed: the addresses are those of the plugins before."""

    def add(self, call: Call) -> Result:
        """Limit the pod's link; return the result of the plugins before.

        Raises:
            BandwidthError: there is none, or the limits cannot be had.
            RktError: the kernel says no.
        """
        previous = _previous(call)
        _each(call, lambda kernel, bucket: kernel.perform(qdiscs.shape(bucket)))
        return previous

    def delete(self, call: Call) -> None:
        """Do nothing: limits end with the links."""

    def check(self, call: Call) -> None:
        """See that the limits are as they were set.

        Raises:
            BandwidthError: they are not.
        """
        _previous(call)
        _each(call, _compare)

    def rules(self, call: Call, result: Result) -> Rules:
        return Rules()


def limits(call: Call) -> tuple[Limit, Limit]:
    """Return how fast the pod may be sent to, and send. Pure.

    What the runtime says in ``runtimeConfig`` counts instead of all that the file says.

    Raises:
        RktError: a limit is not a number, too large, or half a limit.
    """
    fields = section(call.config(), "runtimeConfig", "bandwidth") or call.fields
    return _limit(fields, "ingress"), _limit(fields, "egress")


def bucket(limit: Limit, link: Link) -> Bucket:
    """Return the token bucket of ``link``. Pure.

    It holds at least one packet, or none would ever pass, and 25 ms more may wait.
    """
    rate = max(limit.rate // 8, 1)
    burst = max(limit.burst // 8, link.mtu + _FRAME)
    return Bucket(link.index, rate, burst, min(burst + rate // 40, _LARGEST_LIMIT))


def _limit(fields: Mapping[str, object], way: str) -> Limit:
    rate = number(fields, f"{way}Rate", _LARGEST_RATE)
    burst = number(fields, f"{way}Burst", _LARGEST_BURST)
    if bool(rate) != bool(burst):
        given, missing = ("Rate", "Burst") if rate else ("Burst", "Rate")
        raise BandwidthError(
            f"{quote(way + given)} is set, but {quote(way + missing)} is not",
            hint="set both, in bits a second and in bits",
        )
    return Limit(rate, burst)


def _each(call: Call, do: Callable[[Netlink, Bucket], None]) -> None:
    """Have ``do`` done with every bucket that there should be, where it should be."""
    to_pod, from_pod = limits(call)
    if not to_pod.rate and not from_pod.rate:
        return
    with netns.channel(call.netns) as pod:
        inside = pod.link(call.interface)
        if to_pod.rate:
            with Netlink() as host:
                do(host, bucket(to_pod, _outside(host, inside, call)))
        if from_pod.rate:
            do(pod, bucket(from_pod, inside))


def _outside(host: Netlink, inside: Link, call: Call) -> Link:
    """Return the host's end of the pod's pair of links."""
    if inside.kind == "veth":
        for link in host.links():
            if (link.index, link.parent, link.kind) == (inside.parent, inside.index, "veth"):
                return link
    raise BandwidthError(
        f"network {quote(call.network)} cannot limit what the pod is sent: its link"
        f" {quote(call.interface)} has no end on the host",
        hint='leave out "ingressRate", or use the type bridge or ptp',
    )


def _compare(kernel: Netlink, wanted: Bucket) -> None:
    for body in kernel.bodies(qdiscs.every()):
        found = qdiscs.decode(body)
        # The kernel rounds the burst; the limit is made of it.
        if found is not None and (found.index, found.rate, found.limit) == (
            wanted.index, wanted.rate, wanted.limit,
        ):  # fmt: skip
            return
    raise BandwidthError(f"link {wanted.index} is not limited to {wanted.rate} bytes a second")


def _previous(call: Call) -> Result:
    if call.previous is None:
        raise BandwidthError(
            "Required prevResult missing",
            hint=f"put bandwidth behind another plugin in network {quote(call.network)}",
        )
    return call.previous
