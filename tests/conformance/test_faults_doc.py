"""docs/explanation/faults.md says of each signal and fault what the tests on hosts see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import faults_on_host as on_host

DOCUMENT = Path(__file__).parents[2] / "docs/explanation/faults.md"


def rows(heading: str) -> dict[str, str]:
    """Return name and outcome of each row of the table below ``heading``."""
    text = DOCUMENT.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: outcome for name, outcome, _ in cells}


@pytest.mark.parametrize(
    ("heading", "cases"),
    [("Signals", on_host.SIGNALS), ("Services of the host", on_host.LOSSES)],
    ids=["signals", "losses"],
)
def test_the_document_has_the_table(
    heading: str, cases: tuple[on_host.Signal | on_host.Loss, ...]
) -> None:
    assert rows(heading) == {case.name: case.outcome for case in cases}
