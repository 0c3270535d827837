"""Limits of an app, read back from its cgroups (rkt-cli.md 12.5)."""

from __future__ import annotations

from tests.conformance.rkt.row import Row, inspect


def rows() -> list[Row]:
    memory, quota, shares = "--print-memorylimit", "--print-cpuquota", "--print-cpushares"
    return [
        inspect("memory of the image", memory, expect="Memory Limit: 26214400"),
        inspect("memory by option", memory, expect="Memory Limit: 44040192",
                words=("--memory", "42Mi")),
        inspect("cpu of the image", quota, expect="CPU Quota: 800"),
        inspect("cpu by option", quota, expect="CPU Quota: 900", words=("--cpu", "900m")),
        inspect("shares by option", shares, expect="CPU Shares: 12345",
                words=("--cpu-shares", "12345")),
    ]  # fmt: skip
