"""A pod as a transient unit (rkt-cli.md 12.2); needs a booted host."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_PODS = "system/test_pods.py"


def rows() -> list[Shown]:
    return [
        Shown("the unit is active", f"{_PODS}::test_a_transient_unit_owns_the_pod"),
        Shown("the unit stops", f"{_PODS}::test_a_service_stops_in_order_without_an_exec_stop"),
    ]
