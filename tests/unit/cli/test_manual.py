"""Manual pages say what the table says."""

from __future__ import annotations

import os
import shlex

import pytest

from rktpy.cli import walk
from rktpy.cli.apps import read_images
from rktpy.cli.manual import pages
from rktpy.cli.spec import IMAGES, IMAGES_ONLY
from rktpy.cli.tables.pages import PAGES as MORE
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


def test_every_page_has_examples_and_exit_statuses() -> None:
    bare = [
        name
        for name, text in PAGES.items()
        if name != "rktpy.1"
        and (".SH EXAMPLES\n.TP" not in text or ".SH EXIT STATUS\n" not in text)
    ]

    assert bare == []


@pytest.mark.parametrize("command", sorted(MORE))
def test_examples_are_command_lines_of_their_page(command: str) -> None:
    for line, _ in MORE[command].examples:
        program, *words = shlex.split(line.partition(" > ")[0])
        found, rest = walk.find(words, {})
        reading = walk.read(found, rest, {})
        walk.count_arguments(reading)
        images = read_images(reading) if found.grammar in (IMAGES, IMAGES_ONLY) else []

        assert (program, " ".join(found.path)) == ("rktpy", command)
        assert images or found.grammar not in (IMAGES, IMAGES_ONLY) or "--pod-manifest" in line


def test_neighbours_have_pages() -> None:
    named = {f"rktpy-{name.replace(' ', '-')}.1" for more in MORE.values() for name in more.see}

    assert named <= set(PAGES)
    assert len(MORE) == len(PAGES) - 1


def test_no_line_begins_with_a_request_by_accident() -> None:
    known = (".TH ", ".SH ", ".TP")

    for text in PAGES.values():
        assert [x for x in text.splitlines() if x[:1] in ".'" and not x.startswith(known)] == []
