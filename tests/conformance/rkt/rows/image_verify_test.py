"""Damage to a tree is found and mended (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_SHOWN = "integration/image/test_commands.py::test_verify_repairs_what_was_damaged"


def rows() -> list[Shown]:
    return [
        Shown("a file is missing", _SHOWN),
        Shown("and is there again", _SHOWN),
    ]
