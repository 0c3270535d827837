"""Commands for root only (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_TEST = "conformance/rkt/test_privilege.py::test_these_want_root_before_anything_else"


def rows() -> list[Shown]:
    names = ("enter", "gc", "prepare", "rm", "run", "run-prepared")
    return [Shown(name, _TEST) for name in names]
