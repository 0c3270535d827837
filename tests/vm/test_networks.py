"""Networks on a kernel that has every kind of link: two pods and their host reach each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.networks_on_host import ask, asked, configured, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods_on_host import Pods

FAMILIES = (("10.81.0.0/24", "10.81.0.1/24"), ("fd81::/64", "fd81::1/64"))

# What stands for the host's network card, and beside the links of pods one of the host's own: by
# the card itself the kernel lets nobody reach them.
LINKS = {
    "macvlan": """
        ip link add own0 link card0 type macvlan mode bridge
    """,
    "ipvlan l2": """
        ip link add own0 link card0 type ipvlan mode l2
    """,
    "ipvlan l3": """
        ip link add own0 link card0 type ipvlan mode l3
    """,
}
CARD = """\
set -e
ip link add card0 type veth peer name cable0
ip link set card0 up
ip link set cable0 up
"""
OWN = "".join(f"ip addr add {address} dev own0 nodad\n" for _, address in FAMILIES)
FIELDS: dict[str, dict[str, Any]] = {
    "macvlan": {"type": "macvlan", "master": "card0"},
    "ipvlan l2": {"type": "ipvlan", "master": "card0", "mode": "l2"},
    "ipvlan l3": {"type": "ipvlan", "master": "card0", "mode": "l3"},
}
# Two cards of one switch; the host is in the same VLAN by its own port.
SWITCH = """\
set -e
ip link add switch0 type bridge
for number in 0 1; do
    ip link add card$number type veth peer name cable$number
    ip link set cable$number master switch0 up
    ip link set card$number up
done
ip link set switch0 up
ip link add own0 link switch0 type vlan id 5
"""


def conf(name: str, **fields: Any) -> str:
    ranges = [[{"subnet": subnet}] for subnet, _ in FAMILIES]
    ipam = {"type": "host-local", "ranges": ranges}
    return json.dumps({"cniVersion": "1.0.0", "name": name, "ipam": ipam, **fields})


@pytest.fixture
def linked(pods: Pods, request: pytest.FixtureRequest) -> Iterator[None]:
    """A host with the links of a kind, and a network of that name."""
    kind: str = request.param
    pods.host.sh(f"{CARD}{LINKS[kind]}{OWN}ip link set own0 up")
    yield from configured(pods, "n", conf("n", **FIELDS[kind]))
    pods.host.sh("ip link delete own0; ip link delete card0")


@pytest.fixture
def switched(pods: Pods) -> Iterator[None]:
    """A host with a switch, and networks ``v0`` and ``v1``, one for each card."""
    pods.host.sh(f"{SWITCH}{OWN}ip link set own0 up")
    networks = [conf(f"v{n}", type="vlan", master=f"card{n}", vlanId=5) for n in (0, 1)]
    first = configured(pods, "v0", networks[0])
    # One switch, one range of addresses: the second network leaves out what the first gives.
    fields = json.loads(networks[1])
    for (one,), start in zip(fields["ipam"]["ranges"], ("10.81.0.100", "fd81::100"), strict=True):
        one["rangeStart"] = start
    second = configured(pods, "v1", json.dumps(fields))
    next(first)
    next(second)
    yield
    for done in (first, second):
        next(done, None)
    pods.host.sh("ip link delete own0; ip link delete card0; ip link delete card1;"
                 "ip link delete switch0")  # fmt: skip


def addresses(pods: Pods, uuid: str) -> list[str]:
    entry = json.loads(pods.host.read(f"/var/lib/rkt/pods/run/{uuid}/net-info.json"))[0]
    return [one["address"].partition("/")[0] for one in entry["result"]["ips"]]


def check(pods: Pods, *networks: str) -> None:
    """Start a pod in each of ``networks``; all must reach each other and the host both."""
    both = [pods.as_service(serving(f"--net={network}")).wait_active() for network in networks]
    known = {pod.uuid: addresses(pods, pod.uuid) for pod in both}
    for pod in both:
        for address in known[pod.uuid]:
            assert asked(pods, address) == f"rkt-{pod.uuid}", address
    for pod, other in (both, reversed(both)):
        for address in known[other.uuid]:
            assert ask(pods, pod, address) == f"rkt-{other.uuid}", address
    assert [len(own) for own in known.values()] == [2, 2]
    for pod in both:
        pods.rktpy("stop", "--force", pod.uuid)
        pod.wait_end()


@pytest.mark.parametrize("linked", FIELDS, indirect=True)
def test_pods_and_host_reach_each_other(pods: Pods, linked: None) -> None:
    del linked
    check(pods, "n", "n")


@pytest.mark.usefixtures("switched")
def test_pods_of_a_vlan_and_the_host_in_it_reach_each_other(pods: Pods) -> None:
    check(pods, "v0", "v1")


BRIDGES = """\
ip link add name br0 type bridge vlan_filtering 1
ip link add link br0 name br0.5 type vlan id 5
ip link add name br0.6 type dummy
ip link set br0 up
"""


@pytest.fixture
def filtered(pods: Pods) -> Iterator[None]:
    """A bridge with the host's own link in the VLAN 5, and another link that looks like one."""
    pods.host.sh(BRIDGES)
    networks = [
        configured(pods, f"v{tag}", conf(
            f"v{tag}", type="bridge", bridge="br0", vlan=tag, isGateway=True
        ))
        for tag in (5, 6)
    ]  # fmt: skip
    for one in networks:
        next(one)
    yield
    for one in networks:
        next(one, None)
    pods.host.sh("ip link delete br0.5; ip link delete br0.6; ip link delete br0")


@pytest.mark.usefixtures("filtered")
def test_the_hosts_own_link_in_a_vlan_of_a_bridge_is_taken_and_no_other(pods: Pods) -> None:
    refused = pods.host.run(serving("--net=v6"), status=254)
    assert 'link "br0.6" is there, but leads to no port of "br0"' in refused.stderr
    check(pods, "v5", "v5")


def test_default_pods_reach_each_other(pods: Pods) -> None:
    first = pods.as_service(serving()).wait_active()
    second = pods.from_shell(serving()).wait_active()

    assert asked(pods, "172.16.28.2") == f"rkt-{first.uuid}"
    assert ask(pods, second, "172.16.28.2") == f"rkt-{first.uuid}"
    for pod in (first, second):
        pods.rktpy("stop", "--force", pod.uuid)
        pod.wait_end()
