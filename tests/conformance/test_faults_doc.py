"""docs/explanation/faults.md says of each signal and fault what the tests on hosts see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import faults_on_host as on_host

if TYPE_CHECKING:
    from typing import Protocol

    class Row(Protocol):
        """A row of a table."""

        @property
        def name(self) -> str: ...

        @property
        def outcome(self) -> str: ...


DOCUMENT = Path(__file__).parents[2] / "docs/explanation/faults.md"


def rows(heading: str) -> dict[str, str]:
    """Return name and outcome of each row of the table below ``heading``."""
    text = DOCUMENT.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: outcome for name, outcome, _ in cells}


TABLES: dict[str, tuple[Row, ...]] = {
    "Signals": on_host.SIGNALS,
    "systemctl kill": on_host.KILLS,
    "Shortages": on_host.SHORTAGES,
    "Starts": on_host.STARTS,
    "Services of the host": on_host.LOSSES,
}


@pytest.mark.parametrize("heading", TABLES)
def test_the_document_has_the_table(heading: str) -> None:
    assert rows(heading) == {case.name: case.outcome for case in TABLES[heading]}
