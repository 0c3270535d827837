"""The rules of a pod as one transaction of nft(8). Pure.

Each pod has a table ``inet rkt-<uuid>`` of its own; nothing else of the host is touched:

    guard         raw: what ``route_localnet`` would let in by the pod's link is dropped
    ports         the published ports, one rule for each; entered only for the host's addresses
    prerouting    nat: from outside, from other pods, from the pod itself
    output        nat: from the host itself
    postrouting   nat: masquerading, and the way back of what came through a published port

The table is made, removed and made again in one transaction: there is never none and never two.
Of several tables the first in which a NAT rule matches wins; the others are not asked. Sources:
nft(8), net/netfilter/nf_nat_core.c.
"""

from __future__ import annotations

from rktpy.net.firewall.addresses import (
    LOOPBACK,
    MULTICAST,
    check_ports,
    host_part,
    lies_in,
    place,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rktpy.net.rules import Forward, Masquerade, Published, Rules

_PREFIX = "rkt-"
_HOOKS = (
    ("prerouting", "type nat hook prerouting priority -100; policy accept;"),
    ("output", "type nat hook output priority -100; policy accept;"),
)


def table(uuid: str) -> str:
    """Return the name of the pod's table."""
    return _PREFIX + uuid


def transaction(uuid: str, rules: Rules, links: Iterable[int], *, replace: bool = True) -> str:
    """Return the transaction after which the pod's table has ``rules`` and nothing else.

    Without ``replace`` there must be none before: that saves a wait for all processors (RCU).
    ``links`` are the indices of the links on which the host takes loopback addresses for the pod.

    Raises:
        RuleError: something in ``rules`` is no address, port or protocol.
    """
    name = table(uuid)
    lines = [f"add table inet {name}", f"delete table inet {name}"] if replace else []
    lines.append(f"table inet {name} {{")
    for name, head, body in _chains(rules, links):
        lines.append(f"\tchain {name} {{")
        lines += [f"\t\t{line}" for line in ((head, *body) if head else body)]
        lines.append("\t}")
    return "\n".join(lines) + "\n}\n"


def size(rules: Rules, links: Iterable[int]) -> int:
    """Return how many rules the pod's table has; errors as ``transaction``."""
    return sum(len(body) for _, _, body in _chains(rules, links))


def _chains(rules: Rules, links: Iterable[int]) -> list[tuple[str, str, list[str]]]:
    """Return name, hook and rules of each chain."""
    found = []
    guard = [f"iif {link} ip {way} {LOOPBACK} drop" for link in links for way in ("daddr", "saddr")]
    if guard:
        head = "type filter hook prerouting priority -300; policy accept;"
        found.append(("guard", head, guard))
    ports = [rule for forward in rules.forwards for rule in _forward(forward)]
    if ports:
        found.append(("ports", "", ports))
        found += [(name, head, ["fib daddr type local jump ports"]) for name, head in _HOOKS]
    back = [*_ways_back(rules.forwards), *_masquerades(rules.masquerades)]
    head = "type nat hook postrouting priority 100; policy accept;"
    return [*found, ("postrouting", head, back)]


def _forward(forward: Forward) -> list[str]:
    """Return the rule of a published port; none where it is of the other family."""
    pod, port = place(forward.address), forward.port
    check_ports(port.protocol, (port.host_port, port.count), (port.pod_port, port.count))
    host = host_part(port.host_ip, ipv6=pod.ipv6)
    if host is None:
        return []
    family = "ip6" if pod.ipv6 else "ip"
    match = f"{family} daddr {host}" if host else f"meta nfproto ipv{6 if pod.ipv6 else 4}"
    if port.sources:
        sources = [one.network for one in map(place, port.sources) if one.ipv6 == pod.ipv6]
        if not sources:
            return []
        match += f" {family} saddr {_set(sources)}"
    last = port.host_port + port.count - 1
    wanted = f"{port.host_port}-{last}" if port.count > 1 else f"{port.host_port}"
    target = f"dnat {family} to {_target(pod.address, port, ipv6=pod.ipv6)}"
    return [f"{match} {port.protocol} dport {wanted} {target}"]


def _target(address: str, port: Published, *, ipv6: bool) -> str:
    first, host, count = port.pod_port, port.host_port, port.count
    if first == host:
        return address
    if count == 1:
        return f"[{address}]:{first}" if ipv6 else f"{address}:{first}"
    # A range of targets would be a choice of the kernel's: each port is told where it leads.
    pairs = ", ".join(f"{host + number} : {first + number}" for number in range(count))
    return f"{address} : {port.protocol} dport map {{ {pairs} }}"


def _ways_back(forwards: Iterable[Forward]) -> list[str]:
    """Return the rules for askers to whom the pod would not answer through the host.

    These are the host itself, whose address may be one of loopback or one to which the pod has
    no route, and the pod and its neighbours, to whom it would answer directly.
    """
    found: dict[str, None] = {}
    for forward in forwards:
        pod = place(forward.address)
        if not forward.back or not _forward(forward):
            continue
        family = "ip6" if pod.ipv6 else "ip"
        came = f"{family} daddr {pod.address} ct status dnat"
        found[f"{came} fib saddr type local masquerade"] = None
        found[f"{family} saddr {pod.network} {came} masquerade"] = None
    return list(found)


def _masquerades(masquerades: Iterable[Masquerade]) -> list[str]:
    found = []
    for one in masquerades:
        pod = place(one.address)
        family = "ip6" if pod.ipv6 else "ip"
        # Not a set: nft reads all sets of the host whenever it does anything.
        kept = (pod.network, MULTICAST[pod.ipv6])
        others = " ".join(f"{family} daddr != {network}" for network in kept)
        found.append(f"{family} saddr {pod.address} {others} masquerade")
    return list(dict.fromkeys(found))


def _set(networks: Sequence[str]) -> str:
    """Return a set; what lies in another network of it adds nothing, and older nft refuse it."""
    every = dict.fromkeys(networks)
    kept = [one for one in every if not any(lies_in(one, other) for other in every)]
    return "{ " + ", ".join(kept) + " }"
