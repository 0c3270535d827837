"""Rules that somebody took away are missed and come back; those of others stay as they are."""

from __future__ import annotations

import subprocess

import pytest

from rktpy.net.firewall import sysctls
from rktpy.net.firewall.applying import apply, missing, remove
from rktpy.net.firewall.sysctls import SysctlError
from rktpy.net.rules import Forward, Masquerade, Published, Rules
from tests.support.wires import HOST4, Wires

ONE, TWO = "6b1c2d3e-0000-4000-8000-000000000001", "7c1c2d3e-0000-4000-8000-000000000002"
FOREIGN = b"""table inet rkt-of-somebody {
	chain forward {
		type filter hook forward priority filter; policy accept;
		tcp dport 9 drop
	}
}
"""


def rules(number: int) -> Rules:
    address = f"172.16.28.{number}/24"
    port = Published("tcp", 8000 + number, 80, count=3)
    return Rules((Masquerade(address),), (Forward(port, address),))


def nft(text: bytes) -> None:
    subprocess.run(["nft", "-f", "-"], input=text, check=True)


@pytest.mark.parametrize(
    ("damage", "gone"),
    [
        ("", []),
        ("flush ruleset", [ONE, TWO]),
        (f"delete table inet rkt-{TWO}", [TWO]),
        (f"flush chain inet rkt-{ONE} postrouting", [ONE]),
        (f"flush table inet rkt-{ONE}", [ONE]),
        (f"add rule inet rkt-{ONE} ports tcp dport 9 drop", []),
    ],
)
def test_what_is_missing_is_said_and_comes_back(wires: Wires, damage: str, gone: list[str]) -> None:
    wires.point_to_point("pod1", 2)
    wires.point_to_point("pod2", 3)
    wires.serve("pod1", "tcp/80")
    wanted = {ONE: rules(2), TWO: rules(3)}
    for uuid, own in wanted.items():
        apply(uuid, own)
    nft(damage.encode())

    assert missing(wanted) == gone

    for uuid in gone:
        apply(uuid, wanted[uuid])
    assert missing(wanted) == []
    assert wires.ask("outside", "tcp", HOST4, 8002) == "pod1 80 192.0.2.9"


def test_the_rules_of_others_stay(wires: Wires) -> None:
    wires.point_to_point("pod1", 2)
    nft(FOREIGN)

    apply(ONE, rules(2))
    apply(ONE, Rules((Masquerade("172.16.28.2/24"),)))
    assert missing({ONE: rules(2)}) == [ONE]
    remove(TWO)
    apply(ONE, Rules())

    assert subprocess.check_output(["nft", "list", "ruleset"]) == FOREIGN


def test_a_host_without_ipv6_is_told_so() -> None:
    """An empty directory in the place of the switches, in this process's mount namespace."""
    subprocess.run(["mount", "-t", "tmpfs", "none", "/proc/sys/net/ipv6"], check=True)
    try:
        with pytest.raises(SysctlError, match="ipv6/conf/all/forwarding"):
            sysctls.forward(ipv6=True)
    finally:
        subprocess.run(["umount", "/proc/sys/net/ipv6"], check=True)
