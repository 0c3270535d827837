"""Manifests of images that are not there (rkt-cli.md 12.6); the rest is in ``test_images``."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Row, Run


def rows() -> list[Row]:
    def row(name: str, word: str) -> Row:
        return Row(name, Run(("image", "cat-manifest", word), status=FAILED))

    return [
        row("an unknown hash", "sha512-not-existed"),
        row("an unknown name", "some~random~aci~name"),
    ]
