"""Networks of one pod that share addresses are found before there is a pod."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rktpy.net.conf import NetConf, built_in, parse_conf
from rktpy.net.subnets import clashes


def network(name: str, **ipam: Any) -> NetConf:
    conf = {"name": name, "type": "ptp", "ipam": ipam}
    return parse_conf(json.dumps(conf).encode(), f"{name}.conf")


def pairs(*confs: NetConf) -> list[str]:
    return [text.partition(" overlap: ")[0] for text in clashes(confs)]


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        ({"subnet": "10.7.0.0/16"}, "10.7.0.0/16"),
        ({"subnet": "10.7.3.0/24"}, "10.7.3.0/24"),
        ({"subnet": "10.0.0.0/8"}, "10.0.0.0/8"),
        ({"subnet": "10.7.9.9/16"}, "10.7.0.0/16"),  # host bits, as rkt took them
        ({"ranges": [[{"subnet": "fd00::/64"}], [{"subnet": "10.7.3.0/24"}]]}, "10.7.3.0/24"),
        ({"addresses": [{"address": "10.7.3.4/24"}]}, "10.7.3.0/24"),
    ],
)
def test_subnets_that_are_the_same_or_overlap(other: dict[str, Any], shown: str) -> None:
    a, b = network("a", subnet="10.7.0.0/16"), network("b", **other)

    assert pairs(a, b) == [f'10.7.0.0/16 of network "a" and {shown} of network "b"']
    assert pairs(b, a) == [f'{shown} of network "b" and 10.7.0.0/16 of network "a"']


def test_ipv6_overlaps_and_is_apart_from_ipv4() -> None:
    six = network("six", ranges=[[{"subnet": "fd00::/64"}]])
    wide = network("wide", ranges=[[{"subnet": "fd00::/48"}], [{"subnet": "10.0.0.0/8"}]])

    assert pairs(six, network("four", subnet="10.7.0.0/16")) == []
    assert pairs(six, wide) == ['fd00::/64 of network "six" and fd00::/48 of network "wide"']


def test_neighbours_do_not_overlap_and_one_network_may_overlap_itself() -> None:
    ranges = [[{"subnet": "10.7.0.0/24"}, {"subnet": "10.7.0.0/25"}]]
    a = network("a", subnet="10.7.0.0/24", ranges=ranges)

    assert pairs(a, network("b", subnet="10.7.1.0/24"), *built_in()) == []


def test_each_two_networks_are_named_once_whatever_lies_between() -> None:
    wide = network("wide", subnet="10.0.0.0/8")
    first = network("first", ranges=[[{"subnet": "10.1.0.0/16"}, {"subnet": "10.3.0.0/16"}]])
    second = network("second", ranges=[[{"subnet": "10.2.0.0/16"}, {"subnet": "10.3.1.0/24"}]])

    assert pairs(first, second, wide) == [
        '10.3.0.0/16 of network "first" and 10.3.1.0/24 of network "second"',
        '10.1.0.0/16 of network "first" and 10.0.0.0/8 of network "wide"',
        '10.2.0.0/16 of network "second" and 10.0.0.0/8 of network "wide"',
    ]


def test_two_that_lie_apart_in_a_third_are_not_taken_for_a_pair() -> None:
    start, middle = network("start", subnet="10.7.0.0/24"), network("middle", subnet="10.7.5.0/24")

    assert pairs(start, middle, network("wide", subnet="10.7.0.0/16")) == [
        '10.7.0.0/24 of network "start" and 10.7.0.0/16 of network "wide"',
        '10.7.5.0/24 of network "middle" and 10.7.0.0/16 of network "wide"',
    ]


@pytest.mark.parametrize("ipam", [{"subnet": "x"}, {"subnet": 7}, {"ranges": [7]}, {"ranges": {}}])
def test_what_is_no_subnet_is_left_to_the_plugin(ipam: dict[str, Any]) -> None:
    assert pairs(network("a", **ipam), network("b", **ipam)) == []
