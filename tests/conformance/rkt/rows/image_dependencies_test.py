"""Images built on others (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_SHOWN = "integration/image/test_running.py::test_a_pod_runs_from_a_tree_of_dependencies"


def rows() -> list[Shown]:
    return [
        Shown("a tree is fetched in order, some of it is there", _SHOWN),
        Shown("fetch renders", _SHOWN),
    ]
