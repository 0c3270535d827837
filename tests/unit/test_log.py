"""What reaches the terminal, whoever wrote it."""

from __future__ import annotations

import pytest

from rktpy.log import harmless
from tests.unit.cli.desk import here


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain — and ümlauts", "plain — and ümlauts"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J\x7f", "\\x9b2J\\x7f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("caf\udce9", "caf\\xe9"),
    ],
)
def test_what_could_steer_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_an_error_with_a_word_of_a_stranger_is_escaped() -> None:
    result = here("status", "--dir=/nonexistent", "\x1b[31mred")

    assert "\x1b" not in result.stderr
    assert "x1b[31mred" in result.stderr
