"""docs/compatibility.md has a row for every command and flag, and names only what exists."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from rktpy.cli.table import GLOBAL_OPTIONS, ROOT, options_of, subcommands
from tests.conformance.rkt.row import Row as Ported
from tests.conformance.rkt.row import Shown
from tests.conformance.rkt.table import lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.cli.spec import Command

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs/compatibility.md"
EVERYTHING = {"RKT_EXPERIMENT_APP": "1", "RKT_EXPERIMENT_ATTACH": "1"}
EVERY_COMMAND = "Every command"
STATES = {"done", "partly", "not yet"}
PORTED = lines()
CASES = {line.test for line in PORTED if isinstance(line.entry, (Ported, Shown))}
GAPS = {line.test for line in PORTED if isinstance(line.entry, Ported) and line.entry.gap}


class Row(NamedTuple):
    """A table row of the document: heading it stands under, its subject, state and proofs."""

    heading: str
    subject: str
    state: str
    note: str
    proofs: str

    @property
    def words(self) -> list[str]:
        return quoted(self.subject)


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def rows() -> list[Row]:
    """Return every row that has a state."""
    found, heading = [], ""
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[1] not in ("State", "---"):
            found.append(Row(heading, *cells))
    return found


ROWS = rows()


def leaves(group: Command) -> Iterator[Command]:
    for command in subcommands(group, EVERYTHING):
        if command.commands:
            yield from leaves(command)
        if command.handler:
            yield command


COMMANDS = {" ".join(command.path): command for command in leaves(ROOT)}


def flags_under(*headings: str) -> list[str]:
    """Return the flags of all sections that are about one of the commands ``headings``."""
    return [
        word
        for row in ROWS
        for word in row.words
        if word.startswith("--") and {row.heading, *quoted(row.heading)}.intersection(headings)
    ]


def test_every_command_has_one_row() -> None:
    listed = [row.words[0] for row in ROWS if row.heading == "Commands"]

    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_of_a_command_has_one_row(name: str) -> None:
    flags = [f"--{option.name}" for option in options_of(COMMANDS[name].options)]

    assert sorted(flags_under(name)) == sorted(flags)


def test_every_flag_of_all_commands_has_one_row() -> None:
    flags = [f"--{option.name}" for option in options_of(GLOBAL_OPTIONS)]

    assert sorted(flags_under(EVERY_COMMAND)) == sorted(flags)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.heading}: {row.subject}")
def test_a_row_has_a_state_and_proofs_that_exist(row: Row) -> None:
    proofs = quoted(row.proofs)

    assert row.state in STATES
    assert bool(proofs) == (row.state != "not yet")
    assert [proof for proof in proofs if not exists(proof)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.heading}: {row.subject}")
def test_what_is_done_is_not_shown_by_cases_with_gaps(row: Row) -> None:
    assert row.state != "done" or GAPS.isdisjoint(
        proof.removeprefix("rkt:") for proof in quoted(row.proofs)
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_there_or_not_as_the_document_says(name: str) -> None:
    (row,) = (row for row in ROWS if row.heading == "Commands" and row.words[0] == name)

    assert COMMANDS[name].ready == (row.state != "not yet")


def exists(proof: str) -> bool:
    """Whether ``rkt:NAME``, ``FILE`` or ``FILE::TEST`` is a test."""
    if proof.startswith("rkt:"):
        return proof.removeprefix("rkt:") in CASES
    file, _, test = proof.partition("::")
    names = functions_in(file)
    return test in names if test else bool(names)


@cache
def functions_in(file: str) -> frozenset[str]:
    path = TESTS / file
    if not path.is_file():
        return frozenset()
    return frozenset(re.findall(r"^ *def (test_\w+)\(", path.read_text(), re.MULTILINE))
