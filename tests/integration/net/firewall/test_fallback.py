"""Hosts without nft: rkt's rules come, go from any state, and give way to nft."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.net.firewall import applying, fallback
from rktpy.net.rules import Forward, Masquerade, Published, Rules
from tests.integration.net.firewall.conftest import IPTABLES
from tests.support.wires import HOST4, OUTSIDE4, Wires

if TYPE_CHECKING:
    from tests.integration.net.firewall.conftest import Firewall

POD = "6b1c2d3e-0000-4000-8000-000000000001"
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


# In a process to which the kernel denies that it has nf_tables: EPROTONOSUPPORT, or another error,
# for socket(AF_NETLINK, _, NETLINK_NETFILTER).
WITHOUT = """
import os, struct, sys
sys.path.insert(0, {root!r})
from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.net.firewall import applying
from rktpy.net.rules import Masquerade, Rules
steps = ((0x20, 0, 0, 0), (0x15, 0, 5, {{"x86_64": 41}}.get(os.uname().machine, 198)),
         (0x20, 0, 0, 16), (0x15, 0, 3, 16), (0x20, 0, 0, 32), (0x15, 0, 1, 12),
         (6, 0, 0, 0x50000 | {number}), (6, 0, 0, 0x7FFF0000))
syscalls.load_filter(b"".join(struct.pack("=HBBI", *step) for step in steps), len(steps))
try:
    applying.apply({uuid!r}, Rules((Masquerade("172.16.28.2/24"),)), path={path!r})
except RktError as error:
    print(error.message, error.hint, sep=os.linesep)
"""


def told_without(number: int, path: object) -> list[str]:
    """Apply a rule where nf_tables fail with an errno; return message and hint."""
    root = str(Path(applying.__file__).parents[3])
    words = WITHOUT.format(root=root, number=number, uuid=POD, path=str(path))
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_kernel_without_nf_tables_has_iptables(tmp_path: Path) -> None:
    script = f"#!/bin/sh\nmkdir -p {tmp_path}/told\ncat > {tmp_path}/told/${{0##*/}}\n"
    for name in ("nft", *IPTABLES):
        program = tmp_path / name
        program.write_text(script.replace("cat", ":") if "save" in name else script)
        program.chmod(0o755)
    try:
        assert told_without(errno.EPROTONOSUPPORT, tmp_path) == []
        told = (tmp_path / "told" / "iptables-restore").read_text()
        assert "-A POSTROUTING -s 172.16.28.0/24" in told
        assert not (tmp_path / "told" / "nft").exists()
        assert fallback.is_used(POD)
    finally:
        applying.remove(POD, path=str(tmp_path))


def test_without_either_the_reason_and_a_way_are_told(tmp_path: Path) -> None:
    for number, says in (
        (errno.EPROTONOSUPPORT, "install iptables, "),
        (errno.EPERM, "try as root"),
    ):
        message, hint = told_without(number, tmp_path)
        assert f"cannot set up the firewall for pod {POD}: " in message
        assert message.endswith(os.strerror(number))
        assert hint.startswith(says)
