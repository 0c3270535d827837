"""Manifests of pods that are not there (rkt-cli.md 12.8); the rest is in ``test_pods``."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Row, Run


def rows() -> list[Row]:
    unknown = Run(("cat-manifest", "1234567890abcdef"), status=FAILED)
    return [Row("an unknown pod", unknown, "no matches found for")]
