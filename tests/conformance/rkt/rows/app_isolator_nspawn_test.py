"""How an app sees cgroups (rkt-cli.md 12.5). Here it takes a limit to see any."""

from __future__ import annotations

from tests.conformance.rkt.row import Image, Row, Run, run

_NO_LIMITS = "apps without limits of memory, processor time or processes see no control groups"


def rows() -> list[Row]:
    command = run("{image}", "--memory=42Mi", "--cpu=900m")
    look = Run(command, (Image(("--check-cgroups",)),))
    return [Row("cgroups are read-only", look, "check-cgroups: SUCCESS", different=_NO_LIMITS)]
