"""Images run when their key is trusted for their name (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_SHOWN = "integration/image/test_running.py::test_only_images_with_a_trusted_signature_run"


def rows() -> list[Shown]:
    return [
        Shown("no signature", _SHOWN),
        Shown("no key", _SHOWN),
        Shown("the key of another prefix", _SHOWN),
        Shown("another key of the prefix", _SHOWN),
        Shown("the key of the prefix", _SHOWN),
        Shown("an image beyond the prefix", _SHOWN),
        Shown("keys that change nothing", _SHOWN),
        Shown("a root key", _SHOWN),
    ]
