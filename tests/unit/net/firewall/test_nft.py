"""Which rules a pod has. What they say, the kernel is asked in the integration tier."""

from __future__ import annotations

import pytest

from rktpy.errors import RktError
from rktpy.net.firewall import nft
from rktpy.net.rules import Forward, Masquerade, Published, Rules

POD = "6b1c2d3e-0000-4000-8000-000000000001"
OWN4, OWN6 = "172.16.28.2/24", "fd02::2/64"


def forwarded(port: Published, address: str = OWN4) -> int:
    """Return how many rules a port makes, and check that they can be told the kernel."""
    rules = Rules((), (Forward(port, address),))
    assert nft.transaction(POD, rules, ()).encode(1)
    return nft.size(rules, ())


def test_a_table_that_was_not_there_need_not_go_first() -> None:
    rules = Rules((Masquerade(OWN4, "default"),), (Forward(Published("tcp", 8080, 80), OWN4),))

    again, fresh = (nft.transaction(POD, rules, (7,), replace=replace) for replace in (True, False))
    assert nft.size(rules, (7,)) == 8
    assert again.changes[2:] == fresh.changes
    assert forwarded(Published("tcp", 8080, 80)) == 5


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
    assert forwarded(port, address) == 0


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
