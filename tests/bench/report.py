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

_OTHERS = SIDES[1:]
_USUAL = ("podman", "floor")  # have a column even if no row has them
_NUMBER = 7  # width of a column of times


class Table:
    """An aligned table of medians in milliseconds and peak memory in MiB, written row by row.

    The width of a column is known before there are figures: a bench that is interrupted keeps what
    it printed.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._others = [
            side for side in _OTHERS if side in _USUAL or any(side in row.sides for row in rows)
        ]
        title = max(len(text) for text in ("operation", *(row.title for row in rows)))
        budget = max(len(text) for text in ("budget", *(str(row.budget) for row in rows)))
        ratios = [max(_NUMBER, len(side) + 2) for side in self._others]
        self._widths = (title, *[_NUMBER] * (1 + len(ratios)), *ratios, 5, budget, 0)

    def head(self) -> str:
        """Return the first line."""
        times = ("rktpy", *self._others)
        ratios = (f"x {side}" for side in self._others)
        return self._line(("operation", *times, *ratios, "MB", "budget", "verdict"))

    def lines(self, result: Result) -> str:
        """Return the line of a result, and a line for each side without a figure."""
        why = [
            f"  no figure of {side}: {' '.join(t.split())}" for side, t in result.missing.items()
        ]
        return "\n".join([self._line(self._cells(result)), *why])

    def _cells(self, result: Result) -> tuple[str, ...]:
        times = [_number(result.median(side)) for side in ("rktpy", *self._others)]
        ratios = [_number(result.ratio(side), digits=2) for side in self._others]
        memory = _number(result.memory("rktpy"))
        return (result.row.title, *times, *ratios, memory, str(result.row.budget), result.verdict())

    def _line(self, cells: Sequence[str]) -> str:
        left = (0, len(cells) - 2, len(cells) - 1)
        columns = enumerate(zip(cells, self._widths, strict=True))
        return "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
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
        **{f"ratio_{side}": result.ratio(side) for side in _OTHERS},
        "memory_together_mib": result.together,
        "sides": sides,
        "missing": result.missing,
    }
