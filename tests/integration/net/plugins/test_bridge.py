"""``bridge`` as Debian's program makes it; pods and the host reach each other through it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.host.helper import Answer
from rktpy.net.plugins.bridge import Bridge
from rktpy.net.plugins.veth import host_names
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

CASES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "v4": ((V4,), {"isGateway": True}),
    "v6": ((V6,), {"isDefaultGateway": True, "bridge": "br6", "mtu": 1400}),
    "both": ((V4, V6), {"isGateway": True, "hairpinMode": True}),
    "no gateway": ((V4, V6), {"promiscMode": True, "dns": {"nameservers": ["10.77.0.1"]}}),
}


def calls_of(pods: tuple[str, str], **more: Any) -> list[Any]:
    config = fields("bridge", V4, V6, **more)
    pairs = zip(pods, (UUID, "other"), strict=True)
    return [call_of(config, "1.0.0", pod, container) for pod, container in pairs]


@pytest.mark.parametrize("version", ["0.1.0", "0.4.0", "1.0.0"])
@pytest.mark.parametrize("case", CASES)
def test_result_and_kernel_are_those_of_debians_program(case: str, version: str, pod: str) -> None:
    ranges, more = CASES[case]
    config = fields("bridge", *ranges, **more)
    if "isDefaultGateway" in more:
        del config["ipam"]["routes"]

    told, theirs, answer, ours = both(Bridge(host_local), call_of(config, version, pod), pod)

    assert answer == told
    assert difference(theirs, ours) == []


def test_a_link_without_addresses_is_that_of_debians_program(pod: str) -> None:
    config = {"type": "bridge", "args": {"cni": {"mac": "02:00:00:00:00:07"}}}

    told, theirs, answer, ours = both(Bridge(host_local), call_of(config, "0.4.0", pod), pod)

    assert answer == told
    assert difference(theirs, ours) == []
    assert ip(pod, "link", "show", "eth0")[0]["address"] == "02:00:00:00:00:07"


def test_two_pods_and_the_host_reach_each_other_at_once(pods: tuple[str, str]) -> None:
    plugin, calls = Bridge(host_local), calls_of(pods, isGateway=True)
    results = [plugin.add(call) for call in calls]

    def from_the_first() -> Answer:
        for one in results[1].addresses:
            connect(one.address.partition("/")[0])
            connect(one.gateway)
        return Answer()

    netns.inside(pods[0], from_the_first)
    for result in results:
        for one in result.addresses:
            connect(one.address.partition("/")[0])
    for call, result in zip(calls, results, strict=True):
        plugin.check(call.replace(previous=result))
        plugin.delete(call.replace(netns=""))
    assert not [name for name in os.listdir("/run/leases/n") if name[0].isdigit()]
    assert results[0].interfaces[0] == results[1].interfaces[0]


def test_who_left_answers_for_its_address_no_more(pods: tuple[str, str]) -> None:
    """The namespace of a dead pod may stay a while, kept by its connections."""
    plugin = Bridge(host_local)
    old, new = calls_of(pods, isGateway=True)
    first = plugin.add(old)

    plugin.delete(old)
    second = plugin.add(new)

    assert [link["ifname"] for link in ip(pods[0], "link")] == ["lo"]
    assert [one.address for one in second.addresses] == [one.address for one in first.addresses]
    for one in second.addresses:
        connect(one.address.partition("/")[0])
    plugin.delete(new)


def test_an_address_that_differs_is_refused_or_replaced(pod: str) -> None:
    plugin = Bridge(host_local)
    for words in ("link add cni0 type bridge", "addr add 10.66.0.1/24 dev cni0"):
        subprocess.run(["ip", *words.split()], check=True)
    call = call_of(fields("bridge", V4, isGateway=True), "1.0.0", pod)

    with pytest.raises(RktError, match=r"\"cni0\" already has an IP address different from 10\.77"):
        plugin.add(call)
    assert [link["ifname"] for link in ip("", "link")] == ["lo", "cni0"]
    assert [link["ifname"] for link in ip(pod, "link")] == ["lo"]
    plugin.add(call.replace(fields={**call.fields, "forceAddress": True}))

    [bridge] = ip("", "-4", "addr", "show", "cni0")
    assert [one["local"] for one in bridge["addr_info"]] == ["10.77.0.1"]


def test_what_is_no_bridge_is_refused(pod: str) -> None:
    subprocess.run(["ip", "link", "add", "cni0", "type", "veth", "peer", "other"], check=True)

    with pytest.raises(RktError, match="is not a bridge"):
        Bridge(host_local).add(call_of(fields("bridge", V4), "1.0.0", pod))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"hairpinMode": True, "promiscMode": True}, "at the same time"),
        ({"vlan": 4095}, "from 0 to 4094"),
        ({"isGateway": "yes"}, "true or false"),
        ({"macspoofchk": True}, "macspoofchk"),
        ({"bridge": "a/b"}, "cannot be the name of a link"),
    ],
)
def test_what_cannot_be_is_refused(more: dict[str, Any], message: str, pod: str) -> None:
    with pytest.raises(RktError, match=message):
        Bridge(host_local).add(call_of(fields("bridge", V4, **more), "1.0.0", pod))

    assert [link["ifname"] for link in ip("", "link")] == ["lo"]
    leases = os.listdir("/run/leases/n") if os.path.exists("/run/leases/n") else []
    assert not [name for name in leases if name[0].isdigit()]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("link set VETH nomaster", "not in its bridge"),
        ("link del cni0", 'has no link "cni0"'),
        ("addr del 10.77.0.1/24 dev cni0", "has lost 10.77.0.1/24"),
    ],
)
def test_check_says_what_is_missing(damage: str, message: str, pod: str) -> None:
    plugin = Bridge(host_local)
    call = call_of(fields("bridge", V4, isGateway=True), "1.0.0", pod)
    call = call.replace(previous=plugin.add(call))
    plugin.check(call)
    words = damage.replace("VETH", host_names(UUID, "eth0")[0]).split()
    subprocess.run(["ip", *words], check=True)

    with pytest.raises(RktError, match=message):
        plugin.check(call)


def sysctl(name: str) -> str:
    return Path("/proc/sys", name).read_text(encoding="ascii").strip()


@pytest.mark.parametrize(("more", "listens"), [({}, True), ({"isGateway": True}, False)])
def test_a_bridge_of_the_host_may_go_on_listening_to_routers(
    pod: str, more: dict[str, Any], *, listens: bool
) -> None:
    subprocess.run(["ip", "link", "add", "lan0", "type", "bridge"], check=True)
    assert sysctl("net/ipv6/conf/lan0/accept_ra") == "1"

    Bridge(host_local).add(call_of(fields("bridge", V4, bridge="lan0", **more), "1.0.0", pod))

    assert sysctl("net/ipv6/conf/lan0/accept_ra") == str(int(listens))


def test_a_bridge_that_would_mix_vlans_is_refused(pod: str) -> None:
    subprocess.run(["ip", "link", "add", "cni0", "type", "bridge"], check=True)

    with pytest.raises(RktError, match='"cni0" does not keep VLANs apart') as caught:
        Bridge(host_local).add(call_of(fields("bridge", V4, vlan=100), "1.0.0", pod))

    assert "ip link set cni0 type bridge vlan_filtering 1" in str(caught.value.hint)
    assert [link["ifname"] for link in ip("", "link")] == ["lo", "cni0"]
