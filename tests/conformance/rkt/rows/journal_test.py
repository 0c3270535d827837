"""The journal of a pod in the host's journal directory (rkt-cli.md 12.2); needs a booted host."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown


def rows() -> list[Shown]:
    test = "test_the_journal_of_the_machine_has_the_server_s_lines"
    return [Shown("the link leads to the pod", f"system/test_services.py::{test}")]
