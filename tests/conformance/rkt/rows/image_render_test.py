"""Stored images and what they are built on become directories (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_FILE = "integration/image/test_commands.py"


def rows() -> list[Shown]:
    return [
        Shown("by name and hash", f"{_FILE}::test_extract_and_render_write_a_directory"),
        Shown(
            "with a dependency only",
            f"{_FILE}::test_extract_leaves_dependencies_out_and_render_takes_them",
        ),
        Shown(
            "what is not there",
            "conformance/rkt/test_images.py::test_what_names_no_image_is_refused",
        ),
    ]
