"""Challenges are read as RFC 9110 has them, not cut at commas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.image.layered.challenges import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="x"', [("basic", {"realm": "x"})]),
        (
            'Bearer realm="https://a/t",service="s",scope="repository:x:pull,push"',
            [("bearer", {"realm": "https://a/t", "service": "s",
                         "scope": "repository:x:pull,push"})],
        ),
        (
            'bearer Scope = a , REALM="q\\"uo, te" , Basic realm=b',
            [("bearer", {"scope": "a", "realm": 'q"uo, te'}), ("basic", {"realm": "b"})],
        ),
        ("Negotiate, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ("", []),
        ('"', []),
    ],
)  # fmt: skip
def test_challenges_are_taken_apart(
    header: str, expected: list[tuple[str, dict[str, str]]]
) -> None:
    found = parse_challenges(header)

    assert [(one.scheme, dict(one.parameters)) for one in found] == expected


def test_a_missing_parameter_is_empty() -> None:
    assert Challenge("basic").parameter("realm") == ""


@given(st.text())
def test_whatever_a_server_says_is_read(header: str) -> None:
    parse_challenges(header)
