"""The table of a pod, made without nft, is the one that nft would make of these words."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.host.netlink import nftables
from rktpy.net.firewall import nft
from rktpy.net.rules import Forward, Masquerade, Published, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

POD = "6b1c2d3e-0000-4000-8000-000000000001"
OWN4, OWN6 = "172.16.28.2/24", "fd02::2/64"
WHOLE = f"""
table inet rkt-{POD} {{
	chain guard {{
		type filter hook prerouting priority -300; policy accept;
		iif 1 ip daddr 127.0.0.0/8 drop
		iif 1 ip saddr 127.0.0.0/8 drop
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
		ip6 saddr fd02::2 ip6 daddr != fd02::/64 ip6 daddr != ff00::/8 masquerade
	}}
}}
"""
PORTS = f"table inet rkt-{POD} {{\n\tchain ports {{\n%s\n\t}}\n}}\n"


@pytest.fixture(autouse=True)
def _ruleset() -> Iterator[None]:
    yield
    subprocess.run(["nft", "flush", "ruleset"], check=True)


def told(words: str) -> bytes:
    """Return what nft lists after it has made what ``words`` say."""
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    subprocess.run(["nft", "-f", "-"], input=words.encode(), check=True)
    return subprocess.check_output(["nft", "list", "ruleset"])


def made(rules: Rules, *links: int) -> bytes:
    """Return what nft lists after we have made it, in place of another one."""
    before = nft.transaction(POD, Rules((Masquerade("10.0.0.1"),)), (), replace=False)
    nftables.carry_out(before)
    nftables.carry_out(nft.transaction(POD, rules, links))
    assert nftables.count() == {nft.table(POD): nft.size(rules, links)}
    return subprocess.check_output(["nft", "list", "ruleset"])


def test_masquerades_and_a_port_make_a_whole_table() -> None:
    own = (Masquerade(OWN4, "default"), Masquerade(OWN6))
    rules = Rules(own, (Forward(Published("tcp", 8080, 80), OWN4),))

    assert made(rules, 1) == told(WHOLE)


@pytest.mark.parametrize(
    ("port", "address", "lines"),
    [
        (
            Published("udp", 53, 53), OWN4,
            ["meta nfproto ipv4 udp dport 53 dnat ip to 172.16.28.2"],
        ),
        (
            Published("tcp", 1, 2), OWN6,
            ["meta nfproto ipv6 tcp dport 1 dnat ip6 to [fd02::2]:2"],
        ),
        (
            Published("sctp", 1, 2, "192.0.2.1"), OWN4,
            ["ip daddr 192.0.2.1 sctp dport 1 dnat ip to 172.16.28.2:2"],
        ),
        (
            Published("tcp", 1, 1, "FD01:0::1"), OWN6,
            ["ip6 daddr fd01::1 tcp dport 1 dnat ip6 to fd02::2"],
        ),
        (
            Published("tcp", 8000, 8000, count=11), OWN4,
            ["meta nfproto ipv4 tcp dport 8000-8010 dnat ip to 172.16.28.2"],
        ),
        (
            Published("udp", 8000, 53, count=2), OWN6,
            ["meta nfproto ipv6 udp dport 8000-8001 dnat ip6 to"
             " fd02::2 : udp dport map { 8000 : 53, 8001 : 54 }"],
        ),
        (
            Published("tcp", 1, 1, sources=("10.1.2.3/8", "fd00::/8", "192.0.2.7")), OWN4,
            ["ip saddr 10.0.0.0/8 tcp dport 1 dnat ip to 172.16.28.2",
             "ip saddr 192.0.2.7 tcp dport 1 dnat ip to 172.16.28.2"],
        ),
        (
            Published("tcp", 1, 1, sources=("10.1.0.0/16", "10.0.0.0/7", "9.0.0.0/8")), OWN4,
            ["ip saddr 10.0.0.0/7 tcp dport 1 dnat ip to 172.16.28.2",
             "ip saddr 9.0.0.0/8 tcp dport 1 dnat ip to 172.16.28.2"],
        ),
    ],
)  # fmt: skip
def test_each_port_has_these_rules(port: Published, address: str, lines: list[str]) -> None:
    rules = Rules((), (Forward(port, address, back=False),))
    listed = made(rules).decode()

    chain = listed[listed.index("\tchain ports {") : listed.index("\n\n\tchain prerouting")]
    assert (
        PORTS % chain.split("\n", 1)[1].removesuffix("\n\t}")
        == told(PORTS % "\n".join(lines)).decode()
    )


def test_a_range_of_all_ports_leads_to_other_ones() -> None:
    wide = Published("tcp", 1, 2, count=65534)
    listed = made(Rules((), (Forward(wide, OWN4),))).decode()

    assert listed.count(" : ") == 65534
    assert "65534 : 65535" in listed
