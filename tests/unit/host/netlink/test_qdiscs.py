"""Token buckets: bytes in and bytes out."""

from __future__ import annotations

import struct

import pytest
from pyroute2.netlink.rtnl.tcmsg import tcmsg

from rktpy.host.netlink import qdiscs
from rktpy.host.netlink.qdiscs import Bucket
from rktpy.host.netlink.wire import NetlinkError

BUCKET = Bucket(7, 1_000_000, 12_500, 37_500)


def read(bucket: Bucket) -> tuple[tcmsg, dict[str, object]]:
    """Return how pyroute2 reads the request for ``bucket``, and its parameters."""
    message = tcmsg(qdiscs.shape(bucket).encode(1))
    message.decode()
    return message, message.get_attr("TCA_OPTIONS").get_attr("TCA_TBF_PARMS")


def test_a_bucket_is_asked_for_as_tc_does() -> None:
    message, parms = read(BUCKET)

    assert (message["index"], message["parent"], message["handle"]) == (7, 0xFFFFFFFF, 0)
    assert message.get_attr("TCA_KIND") == "tbf"
    assert (parms["rate"], parms["limit"], parms["peak"]) == (1_000_000, 37_500, 0)
    assert message["header"]["flags"] == 0x1 | 0x4 | 0x400 | 0x100
    assert qdiscs.shape(BUCKET).body.endswith(struct.pack("=HHI", 8, 6, 12_500))


def test_a_rate_beyond_32_bits_has_an_attribute_of_its_own() -> None:
    _, parms = read(BUCKET.replace(rate=1 << 33))

    assert parms["rate"] == 0xFFFFFFFF
    assert struct.pack("=HHQ", 12, 4, 1 << 33) in qdiscs.shape(BUCKET.replace(rate=1 << 33)).body


def test_what_was_asked_for_can_be_read_but_for_the_burst() -> None:
    for rate in (1, 1_000_000, 1 << 40):
        found = qdiscs.decode(qdiscs.shape(BUCKET.replace(rate=rate)).body)

        assert found is not None
        assert (found.index, found.rate, found.limit) == (7, rate, 37_500)


def test_other_queues_are_no_buckets() -> None:
    other = qdiscs.shape(BUCKET).body.replace(b"tbf", b"htb")
    child = other[:12] + b"\0\0\1\0" + qdiscs.shape(BUCKET).body[16:]

    assert qdiscs.decode(other) is None
    assert qdiscs.decode(child) is None


@pytest.mark.parametrize("cut", [0, 19, 60])
def test_what_is_too_short_is_refused(cut: int) -> None:
    with pytest.raises(NetlinkError):
        assert qdiscs.decode(qdiscs.shape(BUCKET).body[:cut]) is None


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"burst": 0}, {"limit": 1}, {"limit": 1 << 32}])
def test_what_the_kernel_cannot_count_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(NetlinkError, match="no limit"):
        BUCKET.replace(**wrong)
