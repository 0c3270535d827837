"""Sockets that start a pod (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import NETWORKS, Owed, Shown

_ANSWERS = "test_the_first_connection_starts_the_pod_and_the_app_answers_it"


def rows() -> list[Shown | Owed]:
    return [
        Shown("an activated app answers", f"system/test_sockets.py::{_ANSWERS}"),
        Owed("behind systemd-socket-proxyd", "contained networks (rkt skips this one)", NETWORKS),
    ]
