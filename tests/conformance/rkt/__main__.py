"""``python -m tests.conformance.rkt``: how many rows of rkt's functional tests stand how."""

from __future__ import annotations

import sys
from collections import Counter

from tests.conformance.rkt.row import Owed, Row, Shown
from tests.conformance.rkt.table import Line, lines

_COLUMNS = ("rows", "run here", "run elsewhere", "gap", "owed", "different")


def main() -> None:
    """Print a line for each of rkt's files, and what is missing."""
    found = lines()
    width = max(len(line.test) for line in found)
    out = [f"{'':{width}}  {'  '.join(_COLUMNS)}"]
    out += [
        _counted(f"{test:{width}}", [line for line in found if line.test == test])
        for test in dict.fromkeys(line.test for line in found)
    ]
    out += [_counted(f"{'all':{width}}", list(found)), ""]
    for line in found:
        match line.entry:
            case Row(gap=gap) if gap:
                out.append(f"gap: {line.id}: {gap}")
            case Owed(needs=needs, issue=issue):
                out.append(f"owed: {line.id}: {needs} ({issue})")
            case Row(different=different) | Shown(different=different) if different:
                out.append(f"different: {line.id}: {different}")
    sys.stdout.write("\n".join(out) + "\n")


def _counted(title: str, found: list[Line]) -> str:
    counts = Counter(_column(line) for line in found)
    counts["rows"] = len(found)
    counts["different"] = sum(bool(getattr(line.entry, "different", "")) for line in found)
    cells = (f"{counts[column] or '':>{len(column)}}" for column in _COLUMNS)
    return f"{title}  {'  '.join(cells)}"


def _column(line: Line) -> str:
    match line.entry:
        case Row(gap=gap):
            return "gap" if gap else "run here"
        case Shown():
            return "run elsewhere"
        case Owed():
            return "owed"


if __name__ == "__main__":
    main()
