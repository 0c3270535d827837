"""appc's validator (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import POD_MODEL, SYSTEMD, Owed


def rows() -> list[Owed]:
    names = ("before the start", "main app", "sidekick", "after the end")
    checks = [Owed(name, "a validator of our own", POD_MODEL) for name in names]
    return [*checks, Owed("the metadata service", "the metadata service", SYSTEMD)]
