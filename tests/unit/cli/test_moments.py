"""Times as people type them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.cli.moments import SECOND, MomentError, parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_769_853_600 * SECOND + 5  # 2026-01-31 10:00:00 UTC


@pytest.fixture(autouse=True)
def _zone() -> Iterator[None]:
    """Two hours east of Greenwich, without summer time."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "TST-2"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("-5m", -300),
        ("5m", -300),
        ("+5m", 300),
        ("5 minutes ago", -300),
        ("1h 30min", -5400),
        ("-1.5h", -5400),
        ("1d", -86400),
        ("2 weeks ago", -14 * 86400),
        ("90sec", -90),
        ("0s", 0),
    ],
)
def test_spans_are_ago(text: str, seconds: int) -> None:
    assert parse_moment(text, NOW) == NOW + seconds * SECOND


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-31 12:00", 0),
        ("2026-01-31 12:00:07", 7),
        ("2026-01-31T12:00:07.5", 7.5),
        ("2026-01-31T10:00:00Z", 0),
        ("2026-01-31 10:00:00 UTC", 0),
        ("2026-01-31T05:30:00-04:30", 0),
        ("2026-01-31", -12 * 3600),
        ("today", -12 * 3600),
        ("yesterday", -36 * 3600),
        ("tomorrow", 12 * 3600),
        ("1769853600", 0),
        ("@1769853601.25", 1.25),
    ],
)
def test_clocks_and_days_are_local_and_seconds_are_those_of_the_epoch(
    text: str, seconds: float
) -> None:
    assert parse_moment(text, NOW) == NOW - 5 + int(seconds * SECOND)


def test_now_is_now() -> None:
    assert parse_moment("now", NOW) == NOW


@pytest.mark.parametrize(
    "text",
    ["", " ", "soon", "m", "5 parsecs", "5m6", "2026-13-01", "2026-01-31 25:00", "1.2.3",
     "2026-01-31T10:00:00+aa:bb", "@", ".", "5m ago ago", "10:00", "--5m", "9e9s"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(MomentError, match="is not a time"):
        parse_moment(text, NOW)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        parse_moment(text, NOW)
    except MomentError:
        return
