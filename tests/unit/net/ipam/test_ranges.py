"""Which addresses a configuration offers, and which of them is next."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.net.ipam.addresses import block_of, number_of, text_of
from rktpy.net.ipam.arguments import IpamError
from rktpy.net.ipam.ranges import Range, assign, lowest, read_sets


def the_sets(
    *ranges: list[dict[str, str]], version: str = "1.0.0", **ipam: object
) -> tuple[tuple[Range, ...], ...]:
    return read_sets({"cniVersion": version, "ipam": {"ranges": list(ranges)} | ipam})


def the_range(**fields: str) -> Range:
    return the_sets([fields])[0][0]


def number(text: str) -> int:
    found = number_of(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("subnet", "first", "last", "gateway"),
    [
        ("172.16.28.0/24", "172.16.28.1", "172.16.28.254", "172.16.28.1"),
        ("10.0.0.0/8", "10.0.0.1", "10.255.255.254", "10.0.0.1"),
        ("10.0.0.4/30", "10.0.0.5", "10.0.0.6", "10.0.0.5"),
        ("fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff", "fd00::1"),
        ("FD00:0:0::/126", "fd00::1", "fd00::3", "fd00::1"),
        ("::ffff:10.1.0.0/120", "10.1.0.1", "10.1.0.254", "10.1.0.1"),
    ],
)
def test_a_subnet_offers_all_its_hosts(subnet: str, first: str, last: str, gateway: str) -> None:
    one = the_range(subnet=subnet)

    assert [text_of(n) for n in (one.first, one.last, one.gateway)] == [first, last, gateway]


@pytest.mark.parametrize(
    ("subnet", "network"),
    [("10.255.228.1/24", "10.255.228.0/24"), ("fd00::5/64", "fd00::/64")],
)
def test_the_one_subnet_may_have_host_bits_as_in_rkt(subnet: str, network: str) -> None:
    ((one,),) = read_sets({"ipam": {"subnet": subnet}})

    assert str(one.subnet) == network


def test_bounds_and_gateway_can_be_set() -> None:
    one = the_range(
        subnet="10.1.0.0/24", rangeStart="10.1.0.20", rangeEnd="10.1.0.20", gateway="10.9.0.1"
    )

    assert str(one) == "10.1.0.20-10.1.0.20"
    assert text_of(one.gateway) == "10.9.0.1"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "a range needs a subnet"),
        ({"subnet": "10.1.0.0"}, "invalid CIDR address: 10.1.0.0"),
        ({"subnet": "10.1.0.0/33"}, "invalid CIDR address: 10.1.0.0/33"),
        ({"subnet": "::ffff:10.1.0.0/90"}, "invalid CIDR address: ::ffff:10.1.0.0/90"),
        ({"subnet": "::/64"}, "::/64 contains all of IPv4"),
        ({"subnet": 7}, '"subnet" must be a string'),
        (
            {"subnet": "10.1.0.5/24"},
            "10.1.0.5/24 has host bits set, the network address is 10.1.0.0",
        ),
        ({"subnet": "10.1.0.0/31"}, "Network 10.1.0.0/31 too small to allocate from"),
        ({"subnet": "10.1.0.0/24", "gateway": "x"}, "invalid IP address: x"),
        (
            {"subnet": "10.1.0.0/24", "gateway": "fd00::1"},
            "gateway fd00::1 is not the same protocol as subnet 10.1.0.0/24",
        ),
        (
            {"subnet": "10.1.0.0/24", "rangeStart": "10.1.1.1"},
            "rangeStart 10.1.1.1 not in network 10.1.0.0/24",
        ),
        (
            {"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.9", "rangeEnd": "10.1.0.8"},
            "10.1.0.8 is in network 10.1.0.0/24 but before start 10.1.0.9",
        ),
    ],
)
def test_a_range_that_cannot_be(fields: dict[str, str], message: str) -> None:
    with pytest.raises(IpamError) as caught:
        the_range(**fields)

    assert caught.value.message == f"invalid range set 0: {message}"


def test_sets_of_the_run_come_before_the_subnet_and_the_ranges() -> None:
    sets = read_sets(
        {
            "cniVersion": "1.0.0",
            "runtimeConfig": {"ipRanges": [[{"subnet": "10.3.0.0/24"}]]},
            "ipam": {"subnet": "10.2.0.0/24", "ranges": [[{"subnet": "10.1.0.0/24"}]]},
        }
    )

    assert [str(one.subnet) for (one,) in sets] == ["10.3.0.0/24", "10.2.0.0/24", "10.1.0.0/24"]


@pytest.mark.parametrize(
    ("ranges", "version", "message"),
    [
        ([], "1.0.0", "no IP ranges specified"),
        ([[]], "1.0.0", "invalid range set 0: empty range set"),
        (["x"], "1.0.0", "invalid range set 0: a range set must be a list"),
        ([["x"]], "1.0.0", 'invalid range set 0: "range" must be an object'),
        (
            [[{"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/64"}]],
            "1.0.0",
            "invalid range set 0: mixed address families",
        ),
        (
            [[{"subnet": "10.1.0.0/24"}, {"subnet": "10.1.0.0/16"}]],
            "1.0.0",
            "invalid range set 0: subnets 10.1.0.1-10.1.0.254 and 10.1.0.1-10.1.255.254 overlap",
        ),
        (
            [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00::/64"}], [{"subnet": "10.1.0.0/25"}]],
            "1.0.0",
            "range set 0 overlaps with 2",
        ),
        (
            [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.2.0.0/24"}]],
            "0.1.0",
            "CNI version 0.1.0 does not support more than 1 address per family",
        ),
    ],
)
def test_sets_that_cannot_be(ranges: list[object], version: str, message: str) -> None:
    with pytest.raises(IpamError) as caught:
        read_sets({"cniVersion": version, "ipam": {"ranges": ranges}})

    assert caught.value.message == message


def test_two_families_are_fine_for_an_old_version() -> None:
    assert len(the_sets([{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00::/64"}], version="")) == 2


TAKEN = st.sets(st.integers(number("10.1.0.0"), number("10.1.0.31")))
BOUNDS = st.tuples(*[st.integers(1, 30)] * 2).map(sorted)


@given(TAKEN, BOUNDS)
def test_the_next_address_is_the_lowest_free_one(taken: set[int], bounds: list[int]) -> None:
    first, last = (f"10.1.0.{n}" for n in bounds)
    one = the_range(subnet="10.1.0.0/27", rangeStart=first, rangeEnd=last)
    free = [n for n in range(one.first, one.last + 1) if n not in taken]

    assert lowest([one], taken) == min(free, default=None)


def test_ranges_of_a_set_are_used_one_after_the_other() -> None:
    (ranges,) = the_sets([{"subnet": "10.2.0.0/30"}, {"subnet": "10.1.0.0/30"}])
    first = {number("10.2.0.1"), number("10.2.0.2")}

    assert lowest(ranges, first) == number("10.1.0.1")
    assert lowest(ranges, first | {number("10.1.0.1"), number("10.1.0.2")}) is None


def test_a_large_range_is_not_walked_through() -> None:
    (ranges,) = the_sets([{"subnet": "fd00::/8"}])
    steps: list[int] = []

    class Counting(set[int]):
        def __contains__(self, value: object) -> bool:
            assert isinstance(value, int)
            steps.append(value)
            return super().__contains__(value)

    assert lowest(ranges, Counting({number("fd00::1"), number("fd00::3")})) == number("fd00::2")
    assert len(steps) == 2


def test_an_address_asked_for_goes_to_the_set_that_offers_it() -> None:
    low = {"subnet": "10.1.0.0/24", "rangeEnd": "10.1.0.99"}
    high = {"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.100", "rangeEnd": "10.1.0.199"}
    sets = the_sets([low], [high], [{"subnet": "fd00::/64"}])

    assert assign(sets, [number("10.1.0.120"), number("fd00::9")]) == {
        1: number("10.1.0.120"),
        2: number("fd00::9"),
    }
    assert assign(sets, [number("10.1.0.250")]) == {0: number("10.1.0.250")}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["10.9.0.1"], "10.9.0.1 not in network: 10.1.0.0/24, fd00::/64"),
        (["10.1.0.7", "10.1.0.8"], "failed to allocate all requested IPs: 10.1.0.8"),
    ],
)
def test_addresses_that_no_set_can_give(asked: list[str], message: str) -> None:
    sets = the_sets([{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00::/64"}])

    with pytest.raises(IpamError) as caught:
        assign(sets, map(number, asked))

    assert caught.value.message == message


@given(st.integers(0, 2**128 - 1) | st.integers(0, 2**33) | st.integers(2**48 - 2**34, 2**48))
def test_an_address_survives_its_text(value: int) -> None:
    text = text_of(value)

    assert number_of(text) == value
    assert "." not in text or ":" not in text  # Go never mixes both


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_a_block_knows_its_ends(host: int, length: int) -> None:
    text = f"{ipaddress.IPv4Address(host)}/{length}"
    truth = ipaddress.ip_network(text, strict=False)
    block = block_of(text)

    assert block is not None
    assert str(block) == text
    assert text_of(block.first) == str(truth[0])
    assert text_of(block.last) == str(truth[-1])


@pytest.mark.parametrize(
    "text", ["", "10.1.0.1", "10.1/8", "10.1.0.0/-1", "10.1.0.0/٣", "a/8", "/"]
)
def test_no_block(text: str) -> None:
    assert block_of(text) is None
