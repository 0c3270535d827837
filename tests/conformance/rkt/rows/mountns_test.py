"""Apps have mount namespaces of their own (rkt-cli.md 12.4)."""

from __future__ import annotations

from tests.conformance.rkt.row import Row, inspect


def rows() -> list[Row]:
    words = ("--caps-retain=CAP_SYS_PTRACE",)
    expect = "check-mountns: DIFFERENT"
    return [inspect("not the one of stage1", "--check-mountns", expect=expect, words=words)]
