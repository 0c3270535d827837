"""Trees are collected when no pod needs them (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_SHOWN = "integration/run/test_images_of_pods.py::test_trees_go_after_the_pods_that_needed_them"


def rows() -> list[Shown]:
    return [
        Shown("after a run", _SHOWN),
        Shown("before the pod is collected", _SHOWN),
        Shown("after it", _SHOWN),
    ]
