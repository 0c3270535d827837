"""appc's validator (rkt-cli.md 12.2); ours is ``tests/support/ace``."""

from __future__ import annotations

from tests.conformance.rkt.row import SYSTEMD, Entry, Owed, Shown

_TEST = "integration/appc/test_ace_validator.py::test_the_validator_finds_nothing_wrong"


def rows() -> list[Entry]:
    names = ("before the start", "main app", "sidekick", "after the end")
    checks = [Shown(name, _TEST) for name in names]
    return [*checks, Owed("the metadata service", "the metadata service", SYSTEMD)]
