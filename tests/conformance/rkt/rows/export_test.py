"""An app is written to an image, and the image runs (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_FILE = "integration/run/test_export.py"
_WROTE = f"{_FILE}::test_what_an_app_wrote_is_in_the_image"
_ONE = f"{_FILE}::test_one_of_two_apps_is_exported_by_name"


def rows() -> list[Shown]:
    # Every pod's mounts end with it, so each export is one after a restart of the host.
    return [
        Shown("with overlay", _WROTE),
        Shown("with overlay, after a restart of the host", _WROTE),
        Shown("without overlay", _WROTE),
        Shown("in a user namespace", _WROTE),
        Shown("the only app, by name", _ONE),
        Shown("one of two apps", _ONE),
    ]
