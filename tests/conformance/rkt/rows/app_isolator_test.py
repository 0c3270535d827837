"""Limits of an app, read back from its cgroups (rkt-cli.md 12.5).

rkt showed an app its own part of the control groups. Here it takes ``paths`` to see any.
"""

from __future__ import annotations

from tests.conformance.rkt.row import Image, Row, Run, run

NO_CGROUPS = "apps see no control groups, but with `--insecure-options=paths`"


def rows() -> list[Row]:
    memory, quota, shares = "--print-memorylimit", "--print-cpuquota", "--print-cpushares"
    return [
        _row("memory of the image", memory, "Memory Limit: 26214400"),
        _row("memory by option", memory, "Memory Limit: 44040192", "--memory", "42Mi"),
        _row("cpu of the image", quota, "CPU Quota: 800"),
        _row("cpu by option", quota, "CPU Quota: 900", "--cpu", "900m"),
        _row("shares by option", shares, "CPU Shares: 12345", "--cpu-shares", "12345"),
    ]


def _row(name: str, look: str, expect: str, *words: str) -> Row:
    command = ("--insecure-options=image,paths", *run("{image}", *words)[1:])
    return Row(name, Run(command, (Image((look,)),)), expect, different=NO_CGROUPS)
