"""How an app sees cgroups (rkt-cli.md 12.5)."""

from __future__ import annotations

from tests.conformance.rkt.row import Row, inspect


def rows() -> list[Row]:
    return [inspect("cgroups are read-only", "--check-cgroups", expect="check-cgroups: SUCCESS")]
