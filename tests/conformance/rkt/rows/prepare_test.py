"""The same conflicts as with ``run`` (rkt-cli.md 12.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conformance.rkt.rows.run_test import conflicts

if TYPE_CHECKING:
    from tests.conformance.rkt.row import Row


def rows() -> list[Row]:
    return conflicts("prepare")
