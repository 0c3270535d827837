"""The rules of a pod as a table of nf_tables. Pure.

Each pod has a table ``inet rkt-<uuid>`` of its own; nothing else of the host is touched:

    guard         raw: what ``route_localnet`` would let in by the pod's link is dropped
    ports         the published ports, a rule for each; entered only for the host's addresses
    prerouting    nat: from outside, from other pods, from the pod itself
    output        nat: from the host itself
    postrouting   nat: masquerading, and the way back of what came through a published port

The table is made, removed and made again in one transaction: there is never none and never two.
Of several tables the first in which a NAT rule matches wins; the others are not asked. Sources:
nft(8), net/netfilter/nf_nat_core.c, linux/netfilter.h, linux/netfilter_ipv4.h.
"""

from __future__ import annotations

from rktpy.host.netlink import expressions as when
from rktpy.host.netlink import nftables
from rktpy.host.netlink.nftables import Chain, PortMap
from rktpy.net.firewall.addresses import (
    LOOPBACK,
    MULTICAST,
    check_ports,
    host_part,
    lies_in,
    place,
)
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rktpy.host.netlink.nftables import Transaction
    from rktpy.net.firewall.addresses import Place
    from rktpy.net.rules import Forward, Masquerade, Published, Rules

_PREFIX = "rkt-"
_PREROUTING, _OUTPUT, _POSTROUTING = 0, 3, 4  # NF_INET_*
_RAW, _DNAT, _SNAT = -300, -100, 100  # NF_IP_PRI_*
_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
_MAP = "__map%d"  # as nft names those that belong to a rule


class _Table(Value):
    chains: tuple[Chain, ...]
    maps: tuple[PortMap, ...]


def table(uuid: str) -> str:
    """Return the name of the pod's table."""
    return _PREFIX + uuid


def transaction(
    uuid: str, rules: Rules, links: Iterable[int], *, replace: bool = True
) -> Transaction:
    """Return the transaction after which the pod's table has ``rules`` and nothing else.

    Without ``replace`` there must be none before. ``links`` are the indices of the links on which
    the host takes loopback addresses for the pod.

    Raises:
        RuleError: something in ``rules`` is not an address, port or protocol.
    """
    found = _table(rules, links)
    return nftables.make(table(uuid), found.chains, found.maps, replace=replace)


def size(rules: Rules, links: Iterable[int]) -> int:
    """Return how many rules the pod's table has; errors as ``transaction``."""
    return sum(len(chain.rules) for chain in _table(rules, links).chains)


def _table(rules: Rules, links: Iterable[int]) -> _Table:
    chains: list[Chain] = []
    maps: list[PortMap] = []
    if guard := tuple(rule for link in links for rule in _guard(link)):
        chains.append(Chain("guard", guard, "filter", (_PREROUTING, _RAW)))
    if ports := tuple(rule for forward in rules.forwards for rule in _forward(forward, maps)):
        entry = (when.to_host() + when.jump("ports"),)
        chains.append(Chain("ports", ports))
        chains.append(Chain("prerouting", entry, "nat", (_PREROUTING, _DNAT)))
        chains.append(Chain("output", entry, "nat", (_OUTPUT, _DNAT)))
    back = (*_ways_back(rules.forwards), *_masquerades(rules.masquerades))
    chains.append(Chain("postrouting", back, "nat", (_POSTROUTING, _SNAT)))
    return _Table(tuple(chains), tuple(maps))


def _guard(link: int) -> Iterator[bytes]:
    came = when.link(link) + when.family(ipv6=False)
    for there in (when.destination(LOOPBACK), when.source(LOOPBACK)):
        yield came + there + when.drop()


def _forward(forward: Forward, maps: list[PortMap]) -> list[bytes]:
    """Return the rules of a published port, one for each source that may ask; none where it is of
    the other family. A map that they need joins ``maps``."""
    pod, port = place(forward.address), forward.port
    check_ports(port.protocol, (port.host_port, port.count), (port.pod_port, port.count))
    host = host_part(port.host_ip, ipv6=pod.ipv6)
    if host is None:
        return []
    asked = when.family(ipv6=pod.ipv6)
    if host:
        asked += when.destination(host)
    kind = when.protocol(_PROTOCOLS[port.protocol])
    wanted = kind + when.ports(port.host_port, port.host_port + port.count - 1)
    return [
        asked + source + wanted + _target(pod.address, port, maps) for source in _sources(port, pod)
    ]


def _sources(port: Published, pod: Place) -> list[bytes]:
    """Return what lets in each of the port's sources, of the pod's family. What lies in another
    one of them adds nothing."""
    if not port.sources:
        return [b""]
    found = [one.network for one in map(place, port.sources) if one.ipv6 == pod.ipv6]
    every = dict.fromkeys(found)
    kept = (one for one in every if not any(lies_in(one, other) for other in every))
    return [when.source(network) for network in kept]


def _target(address: str, port: Published, maps: list[PortMap]) -> bytes:
    first, host, count = port.pod_port, port.host_port, port.count
    if first == host:
        return when.dnat(address)
    if count == 1:
        return when.dnat(address, first)
    # A range of targets would be a choice of the kernel's: each port is told where it leads.
    pairs = tuple((host + number, first + number) for number in range(count))
    maps.append(PortMap(_MAP, pairs))
    return when.dnat_by_map(address, _MAP, len(maps))


def _ways_back(forwards: Iterable[Forward]) -> list[bytes]:
    """Return the rules for askers to whom the pod would not answer through the host.

    These are the host itself, whose address may be one of loopback or one to which the pod has
    no route, and the pod and its neighbours, to whom it would answer directly.
    """
    found: dict[bytes, None] = {}
    for forward in forwards:
        pod = place(forward.address)
        if not forward.back or not _forward(forward, []):
            continue
        family, there = when.family(ipv6=pod.ipv6), when.destination(pod.address)
        own = when.translated() + when.from_host() + when.masquerade()
        found[family + there + own] = None
        near = when.source(pod.network) + there + when.translated()
        found[family + near + when.masquerade()] = None
    return list(found)


def _masquerades(masquerades: Iterable[Masquerade]) -> list[bytes]:
    found = []
    for one in masquerades:
        pod = place(one.address)
        outside = when.family(ipv6=pod.ipv6) + when.source(pod.address)
        for network in (pod.network, MULTICAST[pod.ipv6]):
            outside += when.destination(network, other=True)
        found.append(outside + when.masquerade())
    return list(dict.fromkeys(found))
