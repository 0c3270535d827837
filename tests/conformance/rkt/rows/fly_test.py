"""Apps without isolation (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import FLAVOURS, Owed


def rows() -> list[Owed]:
    return [Owed("the network namespace is the host's", "fly", FLAVOURS)]
