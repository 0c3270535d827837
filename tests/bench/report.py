"""The bench's results as a table for people and as JSON for programs."""

from __future__ import annotations

import os
import platform
import statistics
from typing import TYPE_CHECKING, Any

from tests.bench.model import SIDES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.model import Result, Row

_HEAD = ("operation", "rktpy", "podman", "floor", "x podman", "x floor", "MB", "budget", "verdict")
_NUMBERS = (7, 7, 7, 8, 7, 5)  # widths of the columns between operation and budget
_LEFT = (0, 7, 8)


class Table:
    """An aligned table of medians in milliseconds and peak memory in MiB, written row by row.

    The width of a column is known before there are figures: a bench that is interrupted keeps what
    it printed.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        title = max(len(text) for text in (_HEAD[0], *(row.title for row in rows)))
        budget = max(len(text) for text in (_HEAD[7], *(str(row.budget) for row in rows)))
        self._widths = (title, *_NUMBERS, budget, 0)

    def head(self) -> str:
        """Return the first line."""
        return self._line(_HEAD)

    def lines(self, result: Result) -> str:
        """Return the line of a result, and a line for each side without a figure."""
        why = [
            f"  no figure of {side}: {' '.join(t.split())}" for side, t in result.missing.items()
        ]
        return "\n".join([self._line(_cells(result)), *why])

    def _line(self, cells: Sequence[str]) -> str:
        columns = enumerate(zip(cells, self._widths, strict=True))
        return "  ".join(
            cell.ljust(width) if column in _LEFT else cell.rjust(width)
            for column, (cell, width) in columns
        ).rstrip()


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
