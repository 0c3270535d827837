"""Manual pages say what the table says."""

from __future__ import annotations

import os

import pytest

from rktpy.cli.manual import pages
from tests.unit.cli.desk import CHECKOUT

PAGES = dict(pages())


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_what_the_table_says(name: str) -> None:
    with open(f"{CHECKOUT}/docs/man/{name}", encoding="utf-8") as page:
        text = page.read()

    assert text == PAGES[name], "run: python -m rktpy.cli.manual docs/man"


def test_there_are_no_other_pages() -> None:
    assert {name for name in os.listdir(f"{CHECKOUT}/docs/man") if name.endswith(".1")} == set(
        PAGES
    )


def test_options_and_their_explanations_are_there() -> None:
    page = PAGES["rktpy-gc.1"]

    assert "\\fB\\-\\-grace\\-period=30m0s\\fR\nKeep pods that ended" in page


def test_no_line_begins_with_a_request_by_accident() -> None:
    known = (".TH ", ".SH ", ".TP")

    for text in PAGES.values():
        assert [x for x in text.splitlines() if x[:1] in ".'" and not x.startswith(known)] == []
