"""The host name of a pod (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import RUN_PREPARED, Image, Row, Run

_PREPARE = ("--insecure-options=image", "prepare", "{image}")


def rows() -> list[Row]:
    def row(name: str, expect: str, *options: str) -> Row:
        words = (*RUN_PREPARED[:-1], *options, "{uuid}")
        ran = Run(words, (Image(("--print-hostname",)),), prepare=_PREPARE)
        return Row(name, ran, rf"Hostname: {expect}\s")

    return [
        row("given", "test-hostname", "--hostname=test-hostname"),
        row("from the UUID", "rkt-{uuid}"),
    ]
