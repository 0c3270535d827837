"""Lines of unit files, and where they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.generator.file.ini import Problem, read


def entries(*texts: str) -> list[tuple[str, str, str, str, int]]:
    problems: list[Problem] = []
    parts = [(f"/p{number}", text) for number, text in enumerate(texts)]
    found = read(parts, problems)
    assert problems == []
    return [
        (section.name, entry.key, entry.value, entry.file, entry.line)
        for section in found.values()
        for entry in section.entries
    ]


def problems_of(text: str) -> list[str]:
    problems: list[Problem] = []
    read([("/f", text)], problems)
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "value", "line"),
    [
        ("[A]\nK=v", "v", 2),
        ("\ufeff[A]\nK=v\n", "v", 2),
        ("[A]\r\nK=v\r\n", "v", 2),
        ("\n# x\n; y\n[A]\n\n  K  =  v w  \n", "v w", 6),
        ("[A]\nK=", "", 2),
        ("[A]\nK=a=b", "a=b", 2),
        ("[A]\nK=a # b", "a # b", 2),
        ("[A]\nK=a\\\nb\n", "a b", 2),
        ("[A]\nK=a \\\n# between\n  ; them\n  b\n", "a    b", 2),
        ("[A]\nK=a\\", "a", 2),
        ("[A]\nK=a\\\\", "a\\\\", 2),
        ("[A]\nK=a\\\\\\\nb", "a\\\\ b", 2),
    ],
)
def test_a_line_is_read_as_systemd_reads_it(text: str, value: str, line: int) -> None:
    assert entries(text) == [("A", "K", value, "/p0", line)]


def test_a_line_behind_a_continued_one_has_its_own_number() -> None:
    assert [line for *_, line in entries("[A]\nK=a\\\nb\nL=c\n")] == [2, 4]


def test_an_empty_line_ends_a_continued_one() -> None:
    assert [(key, value) for _, key, value, *_ in entries("[A]\nK=a\\\n\nL=b")] == [
        ("K", "a"),
        ("L", "b"),
    ]


def test_a_drop_in_adds_to_the_sections_of_the_file() -> None:
    found = entries("[A]\nK=1\n[B]\nL=2\n[A]\nK=3\n", "[B]\nL=4\n[A]\nK=5\n")
    assert [(name, value, file, line) for name, _, value, file, line in found] == [
        ("A", "1", "/p0", 2),
        ("A", "3", "/p0", 6),
        ("A", "5", "/p1", 4),
        ("B", "2", "/p0", 4),
        ("B", "4", "/p1", 2),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("K=v", "/f:1: this line stands before any [section]"),
        ("[A\nK=v", "/f:1: no name of a section: [A"),
        ("[]", "/f:1: no name of a section: []"),
        ("[A]\n\nword", "/f:3: there is no = in: word"),
        ("[A]\n=v", "/f:2: there is no name before the ="),
        ("[A]\nK=\udcff", "/f:2: this line is not UTF-8, or is too long"),
        ("[A]\nK=" + "x" * (1 << 20), "/f:2: this line is not UTF-8, or is too long"),
    ],
)
def test_what_systemd_would_skip_is_a_problem_with_its_line(text: str, problem: str) -> None:
    assert problems_of(text)[0] == problem


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    lines = text.count("\n") + text.count("\r") + text.count("\0") + 1
    problems: list[Problem] = []
    found = read([("/f", text)], problems)
    at = [entry.line for section in found.values() for entry in section.entries]
    assert all(1 <= line <= lines for line in [*at, *(problem.line for problem in problems)])
