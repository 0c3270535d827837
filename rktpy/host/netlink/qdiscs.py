"""Token buckets: what limits how fast a link sends.

Sources: linux/pkt_sched.h, linux/rtnetlink.h, tc-tbf(8). Pure. A bucket holds up to ``burst`` bytes
and fills at ``rate``; packets that must wait are queued, and those that find the queue full are
dropped.
"""

from __future__ import annotations

import struct

from rktpy.host.netlink import wire
from rktpy.host.netlink.wire import NetlinkError, Request, attribute, number, text
from rktpy.value import Value

NEW, DELETE, GET = 36, 37, 38  # RTM_*QDISC
_HEAD = struct.Struct("=BxHiIII")  # struct tcmsg: family, index, handle, parent, info
_RATE = struct.Struct("=BBHhHI")  # struct tc_ratespec
_LIMITS = struct.Struct("=III")  # the end of struct tc_tbf_qopt: limit, buffer, mtu
_ROOT = 0xFFFFFFFF
_ETHERNET = 1  # TC_LINKLAYER_ETHERNET: the kernel computes times itself, without a table
_KIND, _OPTIONS = 1, 2  # TCA_*
_PARMS, _RATE64, _BURST = 1, 4, 6  # TCA_TBF_*
_KIND_NAME = "tbf"
_LARGEST = 0xFFFFFFFF


class Bucket(Value):
    """What the link ``index`` sends at most: ``rate`` in bytes per second, ``burst`` bytes at
    once; ``limit`` bytes, burst included, may wait."""

    index: int
    rate: int
    burst: int
    limit: int

    def check(self) -> None:
        """Refuse what the kernel cannot count."""
        if not (0 < self.rate < 1 << 63 and 0 < self.burst <= self.limit <= _LARGEST):
            raise NetlinkError(f"{self.rate} bytes a second with {self.burst} at once is no limit")


def shape(bucket: Bucket) -> Request:
    """Plan the token bucket of a link, in place of what it has."""
    rate = _RATE.pack(0, _ETHERNET, 0, 0, 0, min(bucket.rate, _LARGEST))
    parts = [attribute(_PARMS, rate, bytes(_RATE.size), _LIMITS.pack(bucket.limit, 0, 0))]
    if bucket.rate > _LARGEST:
        parts.append(attribute(_RATE64, struct.pack("=Q", bucket.rate)))
    parts.append(number(_BURST, bucket.burst))
    body = _HEAD.pack(0, 0, bucket.index, 0, _ROOT, 0)
    body += text(_KIND, _KIND_NAME) + attribute(_OPTIONS, *parts)
    flags = wire.REQUEST | wire.ACK | wire.CREATE | wire.REPLACE
    return Request(f"limit what link {bucket.index} sends", NEW, flags, body)


def every() -> Request:
    """Ask for the queues of all links."""
    body = _HEAD.pack(0, 0, 0, 0, 0, 0)
    return Request("list queues of links", GET, wire.REQUEST | wire.DUMP, body)


def decode(body: bytes) -> Bucket | None:
    """Return the token bucket that the body of a message describes, None if it is another queue.

    The kernel tells the burst in units of time, so it may be some bytes less.

    Raises:
        NetlinkError: it describes nothing.
    """
    if len(body) < _HEAD.size:
        raise NetlinkError("the kernel's description of a queue is too short")
    _family, _pad, index, _handle, parent, _info = _HEAD.unpack_from(body)
    found = wire.attributes(body, _HEAD.size)
    options = wire.attributes(found.get(_OPTIONS, b""))
    parms = options.get(_PARMS, b"")
    if parent != _ROOT or wire.words(found.get(_KIND)) != _KIND_NAME:
        return None
    if len(parms) < 2 * _RATE.size + _LIMITS.size:
        raise NetlinkError("the kernel's description of a token bucket is too short")
    rate = wire.whole_number(options.get(_RATE64)) or _RATE.unpack_from(parms)[-1]
    limit, ticks, _mtu = _LIMITS.unpack_from(parms, 2 * _RATE.size)
    burst = ticks * 64 * rate // 10**9
    return Bucket(index, rate, max(min(burst, limit), 1), limit)
