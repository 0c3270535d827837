"""Configuration is read and shown (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_SHOWN = "conformance/rkt/test_config.py::test_config_prints_what_the_files_say"


def rows() -> list[Shown]:
    return [
        Shown("auth", _SHOWN),
        Shown("dockerAuth", _SHOWN),
        Shown("paths", _SHOWN),
        Shown("paths of user and vendor", _SHOWN),
        Shown("stage1", _SHOWN),
        Shown("stage1 of user and host", _SHOWN),
        Shown("several domains and registries", _SHOWN),
        Shown("one domain and registry overridden", _SHOWN),
    ]
