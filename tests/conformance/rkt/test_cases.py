"""The cases are well-formed; what they assert is tested where a pod can run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.conformance.rkt import inside, keeping, starting

if TYPE_CHECKING:
    from tests.conformance.rkt.case import Case

CASES = (*starting.cases(), *inside.cases(), *keeping.cases())
_PLACES = {"{image}", "{second}", "{third}", "{host}", "{env_file}"}


def test_names_are_unique() -> None:
    names = [case.id for case in CASES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_has_the_images_its_command_names(case: Case) -> None:
    text = " ".join(case.command)
    named = [place for place in ("{image}", "{second}", "{third}") if place in text]
    assert len(named) == len(case.images)
    assert set(re.findall(r"\{\w+\}", text)) <= _PLACES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_expectations_are_regular_expressions_that_say_something(case: Case) -> None:
    re.compile(case.expect)
    assert case.expect or case.refuse or case.status
