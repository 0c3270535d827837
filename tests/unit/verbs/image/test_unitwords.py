"""Words of units with variables and specifiers, as systemd fills them in."""

from __future__ import annotations

import os

import pytest

from rktpy.verbs.image.unitwords import (
    UNKNOWN,
    alternatives,
    assignments,
    expanded,
    in_script,
    of_file,
    specifiers_of,
)

VALUES = {"IMAGE": frozenset({"a b"}), "TAG": frozenset({"1", "2"}), "NONE": frozenset({""})}


@pytest.mark.parametrize(
    ("word", "becomes"),
    [
        ("plain", {"plain"}),
        ("$IMAGE", {"a", "b"}),  # by itself and without braces: words
        ("${IMAGE}", {"a b"}),
        ("x:${TAG}", {"x:1", "x:2"}),
        ("x$TAG", {"x$TAG"}),  # systemd leaves it alone
        ("$$TAG", {"$TAG"}),
        ("a$${TAG}", {"a${TAG}"}),
        ("$NONE", set()),
        ("${OTHER}", {UNKNOWN}),
        ("x:${OTHER}", {f"x:{UNKNOWN}"}),
        ("$OTHER", {UNKNOWN}),
        ("${open", {"${open"}),
    ],
)
def test_variables_are_systemds(word: str, becomes: set[str]) -> None:
    assert set(alternatives(word, VALUES)) == becomes


def test_too_many_alternatives_are_one_that_is_unknown() -> None:
    values = {"N": frozenset(map(str, range(9)))}
    assert alternatives("${N}${N}${N}", values) == {UNKNOWN}


def test_a_script_knows_the_units_variables_and_keeps_its_own() -> None:
    assert set(in_script('"$TAG"', VALUES)) == {'"1"', '"2"'}
    assert set(in_script("${TAG}/$i", VALUES)) == {"1/$i", "2/$i"}


@pytest.mark.parametrize(
    ("unit", "text", "becomes"),
    [
        ("web@7.service", "%p %i %n %N", "web 7 web@7.service web@7"),
        ("web@a-b.service", "%i %I", "a-b a/b"),
        (r"web@a\x2db.service", "%I", "a-b"),
        ("web.service", "x%i", "x"),
        ("web@.service", "x:%i %p", f"x:{UNKNOWN} web"),
        ("shop-web.service", "%j %J", "web web"),
        ("web.service", "100%% %t/x", "100% /run/x"),
        ("web.service", "%H", os.uname().nodename),
        ("web.service", "%b %z", f"{UNKNOWN} {UNKNOWN}"),
        ("web.service", "ends with %", "ends with %"),
        ("web.service", "%%%%i", "%%i"),
    ],
)
def test_specifiers_are_those_of_the_unit(unit: str, text: str, becomes: str) -> None:
    assert expanded(text, specifiers_of(unit)) == becomes


def test_values_are_read_from_the_unit_and_from_files() -> None:
    assert list(assignments("A=1 \"B=two words\" 'C=' D")) == [
        ("A", "1"), ("B", "two words"), ("C", ""),
    ]  # fmt: skip
    text = "# said\n; too\nA=1\n B='x y'\nC=\"z\"\nD=a\\\nb\nno line\nE=\n"
    assert list(of_file(text)) == [
        ("A", "1"), ("B", "x y"), ("C", "z"), ("D", "ab"), ("E", ""),
    ]  # fmt: skip
