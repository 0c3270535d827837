"""Images are removed, pods stay (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_RM = "conformance/rkt/test_images.py::test_an_image_is_removed_once_however_it_is_named"
_POD = (
    "integration/run/test_images_of_pods.py::test_a_prepared_pod_runs_though_its_image_was_removed"
)


def rows() -> list[Shown]:
    return [
        Shown("by name", _RM),
        Shown("by hash", _RM),
        Shown("by both", _RM),
        Shown("between prepare and run-prepared: by name", _POD),
        Shown("between prepare and run-prepared: by hash", _POD),
        Shown("between prepare and run-prepared: by both", _POD),
    ]
