"""docs/explanation/hostile-images.md has a row for every pitfall, and names tests there are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance.test_compatibility_doc import exists, quoted

DOCUMENT = Path(__file__).parents[2] / "docs/explanation/hostile-images.md"
PITFALLS = 41  # of section 6 of the reference for images
BUGS = 23  # of the other sections: what upstream does and is not to be copied


class Row(NamedTuple):
    """A row of a table: number, bug or lie, what is done here, and the tests."""

    subject: str
    here: str
    proofs: tuple[str, ...]


def rows(heading: str) -> list[Row]:
    """Return the rows of the table below ``heading``."""
    text = DOCUMENT.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [Row(row[0], row[-2], tuple(quoted(row[-1]))) for row in cells]


ARCHIVES, UPSTREAM = rows("Archives"), rows("What rkt and docker2aci got wrong")
LIES = rows("Lies in words that look right")


def test_every_pitfall_has_its_row() -> None:
    assert [row.subject for row in ARCHIVES] == [str(n) for n in range(1, PITFALLS + 1)]


def test_no_bug_is_left_out() -> None:
    assert len({row.subject for row in UPSTREAM}) == len(UPSTREAM) == BUGS
    assert LIES


@pytest.mark.parametrize("row", [*ARCHIVES, *UPSTREAM, *LIES], ids=lambda row: row.subject)
def test_a_row_says_what_is_done_and_which_tests_show_it(row: Row) -> None:
    assert row.here
    assert row.proofs
    assert [proof for proof in row.proofs if not exists(proof)] == []
