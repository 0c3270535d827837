"""Short hashes of images (rkt-cli.md 12.6); the rest is in ``test_images``."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Row, Run


def rows() -> list[Row]:
    def row(name: str, word: str, expect: str) -> Row:
        return Row(name, Run(("image", "cat-manifest", word), status=FAILED), expect)

    return [
        row("an unknown hash", "sha512-12341234", "no image IDs found"),
        row("one digit", "sha512-1", "image ID too short"),
    ]
