"""Hosts without nft: rkt's rules come, go from any state, and give way to nft."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.net.firewall import applying, fallback
from rktpy.net.firewall.errors import FirewallError
from rktpy.net.rules import Forward, Masquerade, Published, Rules
from tests.support.wires import HOST4, OUTSIDE4, Wires

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.net.firewall.conftest import Firewall

POD = "6b1c2d3e-0000-4000-8000-000000000001"
REFUSED = "Error: Could not process rule: Operation"
OWN = ("172.16.28.2/24", "fd02::2/64")
RULES = Rules(
    tuple(Masquerade(address, 'a "net" \\') for address in OWN),
    tuple(Forward(Published("tcp", 8080, 80, count=2), address) for address in OWN),
)
DNAT = f"RKT-PFWD-DNAT-{POD[:8]}"


def listing(program: str = "iptables") -> list[str]:
    text = subprocess.check_output([f"{program}-save"], text=True)
    return [line for line in text.splitlines() if line.startswith(("-A", ":RKT", ":CNI"))]


def run(*words: str) -> None:
    subprocess.run(words, check=True)


def test_again_and_again_changes_nothing(wires: Wires, iptables: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    run("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "10.9.9.9", "-j", "MASQUERADE")
    before = listing()
    iptables.apply(POD, RULES)
    first = listing()
    assert any(line.endswith("172.16.28.2:80-81/8080") for line in first)

    iptables.apply(POD, RULES)
    assert listing() == first
    assert iptables.missing({POD: RULES}) == []

    iptables.remove(POD)
    iptables.remove(POD)
    assert listing() == before
    assert listing("ip6tables") == []
    assert not fallback.is_used(POD)


@pytest.mark.parametrize(
    "damage",
    [
        ("iptables", "-t", "nat", "-F"),
        ("iptables", "-t", "nat", "-F", DNAT),
        ("iptables", "-t", "raw", "-F", "PREROUTING"),
        ("ip6tables", "-t", "nat", "-F", "POSTROUTING"),
    ],
)
def test_half_of_the_rules_are_missed_come_back_and_go(
    wires: Wires, iptables: Firewall, damage: tuple[str, ...]
) -> None:
    wires.point_to_point("pod1", 2)
    iptables.apply(POD, RULES)
    whole = listing() + listing("ip6tables")
    run(*damage)
    assert iptables.missing({POD: RULES}) == [POD]

    iptables.apply(POD, RULES)
    assert sorted(listing() + listing("ip6tables")) == sorted(whole)
    run(*damage)
    iptables.remove(POD)
    assert [line for line in listing() if "RKT" in line] == []


def test_with_nft_again_the_old_rules_go(wires: Wires, iptables: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    wires.serve("pod1", "tcp/80")
    iptables.apply(POD, RULES)
    applying.apply(POD, RULES)

    assert listing() == []
    assert applying.missing({POD: RULES}) == []
    assert wires.ask("outside", "tcp", HOST4, 8080) == f"pod1 80 {OUTSIDE4}"


def fake(directory: Path, name: str, words: str) -> None:
    program = directory / name
    program.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n", encoding="ascii")
    program.chmod(0o755)


def test_a_kernel_without_what_nft_needs_has_iptables(
    wires: Wires, iptables: Firewall, tmp_path: Path
) -> None:
    wires.point_to_point("pod1", 2)
    fake(tmp_path, "nft", f"x:1:1-2: {REFUSED} not supported")
    assert iptables.path == str(tmp_path)
    iptables.apply(POD, RULES)

    assert any(DNAT in line for line in listing())
    iptables.remove(POD)
    assert listing() == []


def test_the_words_of_nft_are_told(wires: Wires, tmp_path: Path) -> None:
    wires.point_to_point("pod1", 2)
    fake(
        tmp_path,
        "nft",
        f"/dev/stdin:1:1-2: {REFUSED} not permitted\nx",
    )

    for path, says in (
        (str(tmp_path), f"firewall for pod {POD}: Could not process rule: Operation not permitted"),
        (str(tmp_path / "none"), "neither nft nor iptables is installed"),
    ):
        with pytest.raises(FirewallError) as caught:
            applying.apply(POD, RULES, path=path)
        assert caught.value.message.endswith(says)
    applying.remove(POD, path=str(tmp_path / "none"))
