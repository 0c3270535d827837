"""``macvlan`` as Debian's program makes it; pods on one master reach each other."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.host.helper import Answer
from rktpy.net.plugins.macvlan import Macvlan
from tests.integration.net.plugins.test_ptp import connect
from tests.integration.net.plugins.world import (
    UUID,
    V4,
    V6,
    both,
    call_of,
    difference,
    fields,
    host_local,
    ip,
)


@pytest.fixture
def above(pods: tuple[str, str]) -> str:
    """A link of the host that is a master: the other end of it goes nowhere."""
    for words in ("add above type veth peer name nowhere", "set above up", "set nowhere up"):
        subprocess.run(["ip", "link", *words.split()], check=True)
    return "above"


CASES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "v4": ((V4,), {}),
    "v6": ((V6,), {"mode": "private", "mtu": 1400}),
    "both": ((V4, V6), {"mode": "vepa", "dns": {"nameservers": ["10.77.0.1"]}}),
    "passthru": ((V4,), {"mode": "passthru"}),
    "none": ((), {"mac": "02:00:00:00:00:07"}),
}


@pytest.mark.parametrize("version", ["0.1.0", "1.0.0"])
@pytest.mark.parametrize("case", [case for case in CASES if case != "none"])
def test_result_and_kernel_are_those_of_debians_program(
    case: str, version: str, pod: str, above: str
) -> None:
    ranges, more = CASES[case]
    config = fields("macvlan", *ranges, master=above, **more)

    told, theirs, answer, ours = both(Macvlan(host_local), call_of(config, version, pod), pod)

    assert answer == told
    assert difference(theirs, ours) == []


def test_a_link_without_addresses_is_that_of_debians_program(pod: str, above: str) -> None:
    config = fields("macvlan", master=above, **CASES["none"][1])

    told, theirs, answer, ours = both(Macvlan(host_local), call_of(config, "0.4.0", pod), pod)

    assert answer == told
    assert difference(theirs, ours) == []
    assert ip(pod, "link", "show", "eth0")[0]["address"] == "02:00:00:00:00:07"


def test_two_pods_reach_each_other(pods: tuple[str, str], above: str) -> None:
    plugin = Macvlan(host_local)
    config = fields("macvlan", V4, V6, master=above)
    calls = [
        call_of(config, "1.0.0", pod, container)
        for pod, container in zip(pods, (UUID, "other"), strict=True)
    ]
    results = [plugin.add(call) for call in calls]

    def from_the_first() -> Answer:
        for one in results[1].addresses:
            connect(one.address.partition("/")[0])
        return Answer()

    netns.inside(pods[0], from_the_first)
    for call, result in zip(calls, results, strict=True):
        plugin.check(call.replace(previous=result))
        plugin.delete(call.replace(netns=""))
    assert not [name for name in os.listdir("/run/leases/n") if name[0].isdigit()]


def test_a_link_of_the_host_with_the_pods_name_is_no_hindrance(pod: str, above: str) -> None:
    subprocess.run(["ip", "link", "add", "eth0", "type", "bridge"], check=True)

    Macvlan(host_local).add(call_of(fields("macvlan", V4, master=above), "1.0.0", pod))

    assert [link["ifname"] for link in ip(pod, "link")] == ["lo", "eth0"]


def test_the_master_is_that_of_the_default_route(pod: str, above: str) -> None:
    for words in ("address add 10.76.0.2/24 dev above", "route add default via 10.76.0.1"):
        subprocess.run(["ip", *words.split()], check=True)

    Macvlan(host_local).add(call_of(fields("macvlan", V4), "1.0.0", pod))

    [eth0] = ip(pod, "link", "show", "eth0")
    assert eth0["link_index"] == ip("", "link", "show", above)[0]["ifindex"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"master": "nope"}, "no link .nope."),
        ({}, "no default route"),
        ({"master": "above", "mode": "passthrough"}, "unknown macvlan mode"),
        ({"master": "above", "mtu": 1501}, "from 0 to 1500"),
        ({"master": "above", "mac": "02:00"}, "not a hardware address"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_left(
    more: dict[str, Any], message: str, pod: str, above: str
) -> None:
    with pytest.raises(RktError, match=message):
        Macvlan(host_local).add(call_of(fields("macvlan", V4, **more), "1.0.0", pod))

    assert [link["ifname"] for link in ip(pod, "link")] == ["lo"]
    leases = os.listdir("/run/leases/n") if os.path.exists("/run/leases/n") else []
    assert not [name for name in leases if name[0].isdigit()]


def test_a_taken_name_in_the_pod_is_left_alone(pod: str, above: str) -> None:
    subprocess.run(["ip", "-n", pod, "link", "add", "eth0", "type", "bridge"], check=True)

    with pytest.raises(RktError, match="already"):
        Macvlan(host_local).add(call_of(fields("macvlan", V4, master=above), "1.0.0", pod))

    assert [link["ifname"] for link in ip(pod, "link")] == ["lo", "eth0"]


def test_check_sees_another_mode_and_lost_routes(pod: str, above: str) -> None:
    plugin, config = Macvlan(host_local), fields("macvlan", V4, master=above)
    call = call_of(config, "1.0.0", pod)
    call = call.replace(previous=plugin.add(call))
    plugin.check(call)

    with pytest.raises(RktError, match="mode of eth0 is bridge, not vepa"):
        plugin.check(call.replace(fields=config | {"mode": "vepa"}))
    subprocess.run(["ip", "-n", pod, "route", "del", "default"], check=True)
    with pytest.raises(RktError, match="lost the route default"):
        plugin.check(call)
