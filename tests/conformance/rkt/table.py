"""All rows, found in ``rows/``: one module for each of rkt's test files, named as that is, and
``cli_…`` for tables of the reference that rkt's tests leave out.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import NamedTuple

from tests.conformance.rkt import rows
from tests.conformance.rkt.row import Entry, Row


class Line(NamedTuple):
    """An entry and rkt's test file it comes from."""

    test: str
    entry: Entry

    @property
    def id(self) -> str:
        return f"{self.test}: {self.entry.name}"


def lines() -> tuple[Line, ...]:
    """Return every entry, by file and in the order of the file."""
    found: list[Line] = []
    for module in sorted(pkgutil.iter_modules(rows.__path__), key=lambda module: module.name):
        imported = importlib.import_module(f"{rows.__name__}.{module.name}")
        found += (Line(module.name, entry) for entry in imported.rows())
    return tuple(found)


def to_run() -> tuple[tuple[str, Row], ...]:
    """Return those that are run, with their names."""
    return tuple((line.id, line.entry) for line in lines() if isinstance(line.entry, Row))
