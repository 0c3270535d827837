"""The rows are well-formed and complete; what they assert is tested where a pod can run."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conformance.rkt.row import Owed, Row, Shown, place
from tests.conformance.rkt.table import Line, lines, to_run
from tests.conformance.test_compatibility_doc import DOCUMENT, exists

LINES = lines()
LEDGER = Path(__file__).with_name("ledger.txt")
_PLACES = {
    "host", "other", "nested", "env_file", "manifest", "uuid_file", "uuid", "ipc", "net", "hosts",
    "resolv",
}  # fmt: skip


def ledger() -> list[str]:
    """Return the names in the ledger: a file of rkt's tests, then its rows, indented."""
    names, test = [], ""
    for line in LEDGER.read_text().splitlines():
        if line.startswith("  "):
            names.append(f"{test}: {line.strip()}")
        elif line and not line.startswith("#"):
            test = line
    return names


def test_no_row_is_lost_and_none_comes_without_a_line_in_the_ledger() -> None:
    assert [line.id for line in LINES] == ledger()


def test_names_are_unique() -> None:
    names = [line.id for line in LINES]

    assert len(names) == len(set(names))


def test_entries_say_what_shows_them_or_what_is_missing() -> None:
    assert [line.id for line in LINES if not _says_enough(line)] == []


def test_runs_have_what_their_words_name() -> None:
    assert [name for name, row in to_run() if not _named(row) <= _PLACES | _own(row)] == []


def _says_enough(line: Line) -> bool:
    match line.entry:
        case Row(expect=expect, refuse=refuse, run=run):
            re.compile(expect)
            re.compile(refuse)
            return bool(expect or refuse or run.status)
        case Shown(proof=proof):
            return exists(proof)
        case Owed(needs=needs, issue=issue):
            return bool(needs and issue)


def _named(row: Row) -> set[str]:
    words = " ".join([*row.run.command, *row.run.prepare, *row.run.after])
    text = f"{words} {row.run.manifest} {row.expect} {row.refuse}"
    return set(re.findall(r"\{([a-z_]+[0-9]*)\}", text))


def _own(row: Row) -> set[str]:
    return {place(kind, n)[1:-1] for kind in ("image", "id") for n in range(len(row.run.images))}


def test_what_is_different_stands_in_the_document() -> None:
    different = {line.entry.different for line in LINES if not isinstance(line.entry, Owed)} - {""}
    table = DOCUMENT.read_text().partition("## Deliberately different")[2]
    cells = {line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")}

    assert different <= cells
