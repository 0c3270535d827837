"""A pod as a transient unit (rkt-cli.md 12.2); needs a booted host."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_ACTIVE = "test_systemctl_status_shows_its_unit_and_the_server"
_STOPS = "test_a_server_ends_in_order_and_its_last_words_are_kept"


def rows() -> list[Shown]:
    return [
        Shown("the unit is active", f"system/test_services.py::{_ACTIVE}"),
        Shown("the unit stops", f"system/test_services.py::{_STOPS}"),
    ]
