"""What the metadata service tells (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import SYSTEMD, Owed


def rows() -> list[Owed]:
    return [Owed("an annotation of the image", "the metadata service", SYSTEMD)]
