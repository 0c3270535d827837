"""Overlays on paths with characters that mean something to the kernel (rkt-cli.md 12.4)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_TEST = "integration/host/test_mount.py::test_an_overlay_shows_both_layers_whatever_its_paths_are"


def rows() -> list[Shown]:
    names = ("lower", "upper", "work", "target")
    return [Shown(f"colon and comma in {name}", _TEST) for name in names]
