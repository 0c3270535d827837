"""``ptp`` with real links: as Debian's program makes them; pods and their host reach each other."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import Any

import pytest

from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.host.helper import Answer
from rktpy.net.plugins.ptp import Ptp
from rktpy.net.plugins.veth import host_names
from rktpy.net.rules import Masquerade
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

CASES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "v4": ((V4,), {}),
    "v6": ((V6,), {"mtu": 1400}),
    "both": ((V4, V6), {"dns": {"nameservers": ["10.77.0.1"], "search": ["a.example"]}}),
}


def links_of_host() -> list[str]:
    return [link["ifname"] for link in ip("", "link")]


def connect(address: str) -> None:
    """Have somebody answer, that nobody listens."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, 9), timeout=20)


@pytest.mark.parametrize("version", ["0.1.0", "0.4.0", "1.0.0"])
@pytest.mark.parametrize("case", CASES)
def test_result_and_kernel_are_those_of_debians_program(case: str, version: str, pod: str) -> None:
    ranges, more = CASES[case]

    told, theirs, answer, ours = both(
        Ptp(host_local), call_of(fields("ptp", *ranges, **more), version, pod), pod
    )

    assert answer == told
    assert difference(theirs, ours) == []


def test_two_pods_and_the_host_reach_each_other_at_once(pods: tuple[str, str]) -> None:
    plugin = Ptp(host_local)
    calls = [
        call_of(fields("ptp", V4, V6), "1.0.0", pod, container)
        for pod, container in zip(pods, (UUID, "other"), strict=True)
    ]
    results = [plugin.add(call) for call in calls]

    def from_the_first() -> Answer:
        for one in results[1].addresses:
            connect(one.address.partition("/")[0])
            connect(one.gateway)
        return Answer()

    for result in results:
        for one in result.addresses:
            connect(one.address.partition("/")[0])
    netns.inside(pods[0], from_the_first)
    for call, result in zip(calls, results, strict=True):
        plugin.check(call.replace(previous=result))
        plugin.delete(call)
        plugin.delete(call.replace(netns=""))  # twice, and with the namespace gone
    assert sorted(os.listdir("/run/leases/n")) in (
        [],
        ["last_reserved_ip.0", "last_reserved_ip.1", "lock"],
    )


def test_an_address_serves_while_the_link_of_its_last_pod_is_still_there(
    pods: tuple[str, str],
) -> None:
    """The kernel reaps the links of a namespace when it has the time."""
    plugin = Ptp(host_local)
    old = call_of(fields("ptp", V4, V6), "1.0.0", pods[0])
    new = call_of(fields("ptp", V4, V6), "1.0.0", pods[1], "other")
    before = plugin.add(old)
    plugin.delete(old)

    after = plugin.add(new)

    assert [one.address for one in after.addresses] == [one.address for one in before.addresses]
    netns.remove(pods[0])
    for one in after.addresses:
        connect(one.address.partition("/")[0])
    plugin.check(new.replace(previous=after))
    plugin.delete(new)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("POD addr del 10.77.0.2/24 dev eth0", "lost 10.77.0.2/24"),
        ("POD -6 addr del fd77::2/64 dev eth0", "lost fd77::2/64"),
        ("POD route del default", "the pod has lost the route default"),
        ("POD route del 10.77.0.0/24", "the pod has lost the route 10.77.0.0/24 via 10.77.0.1"),
        ("POD link set eth0 down", "link 'eth0' of the pod is down|\"eth0\" of the pod is down"),
        ("POD link set eth0 addr 02:00:00:00:00:01", "has not the address"),
        ("POD link del eth0", "the pod has no link"),
        ("HOST link set VETH down", "of the host is down"),
        ("HOST addr del 10.77.0.1/32 dev VETH", "of the host has lost 10.77.0.1/32"),
        ("HOST route del 10.77.0.2", "the host has lost the route 10.77.0.2/32"),
        ("HOST -6 route del fd77::2", "the host has lost the route fd77::2/128"),
    ],
)
def test_check_says_what_is_missing(damage: str, message: str, pod: str) -> None:
    plugin, call = Ptp(host_local), call_of(fields("ptp", V4, V6), "1.0.0", pod)
    call = call.replace(previous=plugin.add(call))
    plugin.check(call)
    side, _, words = damage.replace("VETH", host_names(UUID, "eth0")[0]).partition(" ")
    subprocess.run(["ip", *(["-n", pod] if side == "POD" else []), *words.split()], check=True)

    with pytest.raises(RktError, match=message):
        plugin.check(call)


def test_an_add_that_was_killed_is_done_again(pod: str) -> None:
    plugin, call = Ptp(host_local), call_of(fields("ptp", V4), "1.0.0", pod)
    plugin.add(call)
    plugin.delete(call)  # what a kill has not: the links stay

    result = plugin.add(call)

    plugin.check(call.replace(previous=result))
    assert links_of_host().count(host_names(UUID, "eth0")[0]) == 1


def test_a_name_that_is_another_ones_is_left_alone(pod: str) -> None:
    plugin, call = Ptp(host_local), call_of(fields("ptp", V4), "1.0.0", pod)
    first, second = host_names(UUID, "eth0")[:2]
    subprocess.run(["ip", "link", "add", first, "type", "bridge"], check=True)

    result = plugin.add(call)

    assert result.interfaces[0].name == second
    assert ip("", "-d", "link", "show", first)[0]["linkinfo"]["info_kind"] == "bridge"


def test_a_link_of_the_pod_that_is_another_ones_is_left_alone(pod: str) -> None:
    plugin, call = Ptp(host_local), call_of(fields("ptp", V4), "1.0.0", pod)
    subprocess.run(["ip", "-n", pod, "link", "add", "eth0", "type", "bridge"], check=True)
    before = links_of_host()

    with pytest.raises(RktError, match="already"):
        plugin.add(call)

    assert links_of_host() == before
    assert ip(pod, "-d", "link", "show", "eth0")[0]["linkinfo"]["info_kind"] == "bridge"
    assert not [name for name in os.listdir("/run/leases/n") if name[0].isdigit()]


def test_an_add_that_fails_half_way_leaves_no_link_and_no_address(pod: str) -> None:
    config = fields("ptp", V4)
    config["ipam"]["routes"] = [{"dst": "10.99.0.0/16", "gw": "10.98.0.1"}]  # nobody knows the way
    before = links_of_host()

    with pytest.raises(RktError, match=r"10\.99\.0\.0/16"):
        Ptp(host_local).add(call_of(config, "1.0.0", pod))

    assert links_of_host() == before
    assert not [name for name in os.listdir("/run/leases/n") if name[0].isdigit()]


def test_masquerading_is_wanted_where_the_configuration_says_so(pod: str) -> None:
    plugin = Ptp(host_local)
    call = call_of(fields("ptp", V4, V6, ipMasq=True), "1.0.0", pod)
    result = plugin.add(call)

    assert plugin.rules(call, result).masquerades == (
        Masquerade("10.77.0.2/24", "n"),
        Masquerade("fd77::2/64", "n"),
    )
    assert not plugin.rules(call_of(fields("ptp", V4), "1.0.0", pod), result)


def test_an_address_leads_to_its_new_pod_while_the_old_one_is_reaped(pods: tuple[str, str]) -> None:
    plugin, config = Ptp(host_local), fields("ptp", V4, V6)
    old, new = (call_of(config, "1.0.0", pod, pod) for pod in pods)
    plugin.add(old)
    plugin.delete(old)  # its links and routes are still there

    result = plugin.add(new)

    connect("10.77.0.2")
    connect("fd77::2")
    plugin.check(new.replace(previous=result))
    netns.remove(pods[0])
    connect("10.77.0.2")
