"""Stored images become files again (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_FILE = "conformance/rkt/test_images.py"


def rows() -> list[Shown]:
    return [
        Shown("by name", f"{_FILE}::test_what_is_exported_hashes_to_the_id"),
        Shown("by hash", f"{_FILE}::test_what_is_exported_hashes_to_the_id"),
        Shown("what is not there", f"{_FILE}::test_what_names_no_image_is_refused"),
    ]
