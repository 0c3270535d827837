"""Sockets that start a pod (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import NETWORKS, SYSTEMD, Owed


def rows() -> list[Owed]:
    return [
        Owed("an activated app answers", "a test of socket activation from end to end", SYSTEMD),
        Owed("behind systemd-socket-proxyd", "contained networks (rkt skips this one)", NETWORKS),
    ]
