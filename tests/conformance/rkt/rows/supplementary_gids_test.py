"""Further groups of an app (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import Image, Row, Run, run


def rows() -> list[Row]:
    image = Image(("--print-groups",), app={"supplementaryGIDs": [400, 500, 1200]})
    return [Row("three groups", Run(run("{image}"), (image,)), r"Groups: 0 400 500 1200\s")]
