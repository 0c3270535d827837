"""Pods that cannot be removed (rkt-cli.md 12.8)."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Row, Run

_GONE = "0f746094-3438-42bc-ab37-3cf85f132e60"


def rows() -> list[Row]:
    return [
        Row("an unknown pod", Run(("rm", _GONE), status=FAILED), f'no matches found for "{_GONE}"'),
        Row("an empty UUID", Run(("rm", ""), status=FAILED), "UUID cannot be empty"),
    ]
