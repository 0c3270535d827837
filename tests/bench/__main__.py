"""Prints what rktpy, its peer and the bare kernel need for the same operations.

    python -m tests.bench [--rows KEY,...] [--json FILE] [--rounds N] [--quick] [--list]

All sides of a row run in one go, interleaved. Each row is printed, and the file written, when it is
done, so Ctrl-C loses one row only. Exit status 0, also if a budget is missed: the figures are the
result; 1 if rktpy has none for a row, 2 for a wrong command line, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import report, sandbox, timing
from tests.bench.floors import Floors
from tests.bench.rows import Bench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.model import Result, Row

_QUICK_ROUNDS = 3


def main() -> int:
    """Run the bench and return its exit status."""
    options = _options()
    bench = Bench(sandbox.HOME, Floors(sandbox.HOME / "floors"))
    rows = bench.rows()
    if options.list:
        _say("\n".join(f"{row.key:16} {row.title} ({row.budget})" for row in rows))
        return 0
    try:
        chosen = choose(rows, options.rows)
    except LookupError as error:
        sys.stderr.write(f"no such row: {error.args[0]} (see --list)\n")
        return 2
    if os.geteuid() != 0:
        sys.stderr.write("the bench starts containers: run it as root\n")
        return 2
    sandbox.enter(sys.argv[1:])
    kind = "real" if bench.rktpy.use_real_pods() else "written by hand"
    _say(f"medians in ms, memory is rktpy's peak; rktpy's dead pods: {kind};")
    _say(f"load {os.getloadavg()[1]:.1f} on {os.cpu_count()} processors\n")
    table = report.Table(chosen)
    _say(table.head())
    results: list[Result] = []
    try:
        for row in chosen:
            results.append(_measure(row, options))
            _progress("")
            _say(table.lines(results[-1]))
            if options.json:
                _write_json(options.json, results)
    except KeyboardInterrupt:
        return 130
    return 0 if all("rktpy" in result.samples for result in results) else 1


def choose(rows: Sequence[Row], words: Sequence[str]) -> list[Row]:
    """Return the rows meant by ``words``, the routine ones if there are none: a key, or its first
    words (``fetch`` is ``fetch-plain`` and ``fetch-gzip``).

    Raises:
        LookupError: a word means no row; its argument is the word.
    """
    chosen: set[str] = set()
    for word in words:
        found = {row.key for row in rows if row.key == word}
        found = found or {r.key for r in rows if r.routine and r.key.startswith(f"{word}-")}
        if not found:
            raise LookupError(word)
        chosen |= found
    return [row for row in rows if row.key in chosen or (row.routine and not words)]


def _write_json(path: Path, results: Sequence[Result]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(report.as_json(results), indent=1) + "\n")
    aside.replace(path)


def _measure(row: Row, options: argparse.Namespace) -> Result:
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else row.rounds)
    timer = timing.Timer(sandbox.HOME)
    rng = random.Random()  # the order of measurements
    return timing.run_row(row, timer, rounds=rounds, report=_progress, rng=rng)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # also where it goes into a file


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=lambda text: text.split(","), default=[], metavar="KEY,...")
    parser.add_argument("--json", type=lambda text: Path(text).resolve(), metavar="FILE")
    parser.add_argument("--rounds", type=int, metavar="N", help="samples per side and row")
    parser.add_argument("--quick", action="store_true", help="three samples per side and row")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
