"""The bench's results as a table for people and as JSON for programs."""

from __future__ import annotations

import os
import platform
import statistics
from typing import TYPE_CHECKING, Any

from tests.bench.model import SIDES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.model import Result

_HEAD = ("operation", "rktpy", "podman", "floor", "x podman", "x floor", "MB", "budget", "verdict")


def table(results: Sequence[Result]) -> str:
    """Return the results as an aligned table: medians in milliseconds, peak memory in MiB."""
    lines = [_HEAD, *(_cells(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, 7, 8) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    notes = [
        f"  {result.row.key}: {side}: {' '.join(why.split())}"
        for result in results
        for side, why in result.missing.items()
    ]
    return "\n".join([text, *(["", "no figure:", *notes] if notes else [])])


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """Return the results with every sample as plain JSON data."""
    return {
        "machine": {
            "kernel": platform.release(),
            "cpus": os.cpu_count(),
            "load": os.getloadavg(),
            "python": platform.python_version(),
        },
        "rows": [_row_json(result) for result in results],
    }


def _cells(result: Result) -> tuple[str, ...]:
    times = [_number(result.median(side)) for side in SIDES]
    ratios = [_number(result.ratio(side), digits=2) for side in ("podman", "floor")]
    memory = _number(result.memory("rktpy"))
    return (result.row.title, *times, *ratios, memory, str(result.row.budget), result.verdict())


def _number(value: float | None, *, digits: int = 1) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.{digits}f}"


def _row_json(result: Result) -> dict[str, Any]:
    sides = {
        side: {
            "median_ms": statistics.median(s.wall for s in samples),
            "min_ms": min(s.wall for s in samples),
            "max_ms": max(s.wall for s in samples),
            "cpu_ms": statistics.median(s.cpu for s in samples),
            "memory_mib": statistics.median(s.memory for s in samples),
            "samples_ms": [s.wall for s in samples],
        }
        for side, samples in result.samples.items()
    }
    return {
        "key": result.row.key,
        "title": result.row.title,
        "budget": str(result.row.budget),
        "verdict": result.verdict(),
        "ratio_podman": result.ratio("podman"),
        "ratio_floor": result.ratio("floor"),
        "sides": sides,
        "missing": result.missing,
    }
