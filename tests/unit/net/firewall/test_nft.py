"""The transaction of a pod."""

from __future__ import annotations

import pytest

from rktpy.errors import RktError
from rktpy.net.firewall import nft
from rktpy.net.rules import Forward, Masquerade, Published, Rules

POD = "6b1c2d3e-0000-4000-8000-000000000001"
OWN4, OWN6 = "172.16.28.2/24", "fd02::2/64"
WHOLE = f"""\
add table inet rkt-{POD}
delete table inet rkt-{POD}
table inet rkt-{POD} {{
	chain guard {{
		type filter hook prerouting priority -300; policy accept;
		iif 7 ip daddr 127.0.0.0/8 drop
		iif 7 ip saddr 127.0.0.0/8 drop
	}}
	chain ports {{
		meta nfproto ipv4 tcp dport 8080 dnat ip to 172.16.28.2:80
	}}
	chain prerouting {{
		type nat hook prerouting priority -100; policy accept;
		fib daddr type local jump ports
	}}
	chain output {{
		type nat hook output priority -100; policy accept;
		fib daddr type local jump ports
	}}
	chain postrouting {{
		type nat hook postrouting priority 100; policy accept;
		ip daddr 172.16.28.2 ct status dnat fib saddr type local masquerade
		ip saddr 172.16.28.0/24 ip daddr 172.16.28.2 ct status dnat masquerade
		ip saddr 172.16.28.2 ip daddr != 172.16.28.0/24 ip daddr != 224.0.0.0/4 masquerade
	}}
}}
"""


def forwarded(port: Published, address: str = OWN4) -> list[str]:
    """Return the rules of the chain of ports."""
    lines = nft.transaction(POD, Rules((), (Forward(port, address),)), ()).splitlines()
    if "\tchain ports {" not in lines:
        return []
    first = lines.index("\tchain ports {") + 1
    return [line.strip() for line in lines[first : lines.index("\t}", first)]]


def test_a_masquerade_and_a_port_make_this_transaction() -> None:
    rules = Rules((Masquerade(OWN4, "default"),), (Forward(Published("tcp", 8080, 80), OWN4),))

    assert nft.transaction(POD, rules, (7,)) == WHOLE
    assert nft.size(rules, (7,)) == 8
    fresh = nft.transaction(POD, rules, (7,), replace=False)
    assert fresh == "".join(WHOLE.splitlines(keepends=True)[2:])


@pytest.mark.parametrize(
    ("port", "address", "rule"),
    [
        (Published("udp", 53, 53), OWN4, "meta nfproto ipv4 udp dport 53 dnat ip to 172.16.28.2"),
        (Published("tcp", 1, 2), OWN6, "meta nfproto ipv6 tcp dport 1 dnat ip6 to [fd02::2]:2"),
        (
            Published("sctp", 1, 2, "192.0.2.1"), OWN4,
            "ip daddr 192.0.2.1 sctp dport 1 dnat ip to 172.16.28.2:2",
        ),
        (
            Published("tcp", 1, 1, "FD01:0::1"), OWN6,
            "ip6 daddr fd01::1 tcp dport 1 dnat ip6 to fd02::2",
        ),
        (
            Published("tcp", 8000, 8000, count=11), OWN4,
            "meta nfproto ipv4 tcp dport 8000-8010 dnat ip to 172.16.28.2",
        ),
        (
            Published("udp", 8000, 53, count=2), OWN6,
            "meta nfproto ipv6 udp dport 8000-8001 dnat ip6 to"
            " fd02::2 : udp dport map { 8000 : 53, 8001 : 54 }",
        ),
        (
            Published("tcp", 1, 1, sources=("10.1.2.3/8", "fd00::/8", "192.0.2.7")), OWN4,
            "meta nfproto ipv4 ip saddr { 10.0.0.0/8, 192.0.2.7/32 } tcp dport 1"
            " dnat ip to 172.16.28.2",
        ),
        (
            Published("tcp", 1, 1, sources=("10.1.0.0/16", "10.0.0.0/8", "9.0.0.0/8")), OWN4,
            "meta nfproto ipv4 ip saddr { 10.0.0.0/8, 9.0.0.0/8 } tcp dport 1"
            " dnat ip to 172.16.28.2",
        ),
    ],
)  # fmt: skip
def test_each_port_is_one_rule(port: Published, address: str, rule: str) -> None:
    assert forwarded(port, address) == [rule]


@pytest.mark.parametrize(
    ("port", "address"),
    [
        (Published("tcp", 1, 1, "::1"), OWN4),
        (Published("tcp", 1, 1, "::"), OWN4),
        (Published("tcp", 1, 1, "0.0.0.0"), OWN6),  # noqa: S104 - text
        (Published("tcp", 1, 1, sources=("10.0.0.0/8",)), OWN6),
    ],
)
def test_what_is_of_the_other_family_has_no_rule(port: Published, address: str) -> None:
    assert forwarded(port, address) == []


@pytest.mark.parametrize(
    ("port", "address"),
    [
        (Published("dccp", 1, 1), OWN4),
        (Published("tcp dport 1 accept;", 1, 1), OWN4),
        (Published("tcp", 0, 1), OWN4),
        (Published("tcp", 65535, 1, count=2), OWN4),
        (Published("tcp", 1, 65536), OWN4),
        (Published("tcp", 1, 1, "localhost"), OWN4),
        (Published("tcp", 1, 1, sources=("10.0.0.0/33",)), OWN4),
        (Published("tcp", 1, 1, sources=("any } drop",)), OWN4),
        (Published("tcp", 1, 1), "10.0.0.1 accept"),
        (Published("tcp", 1, 1), "10.0.0.1/"),
    ],
)
def test_what_cannot_be_a_rule_is_refused(port: Published, address: str) -> None:
    with pytest.raises(RktError):
        forwarded(port, address)
