"""Option values: what is read, and in which words the rest is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.cli.kinds import BadValueError, parse_bool, parse_duration, parse_int
from rktpy.cli.output import HOUR, MINUTE, SECOND, format_duration


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("0s", 0),
        ("10s", 10 * SECOND),
        ("1m30s", 90 * SECOND),
        ("1h2m3s", HOUR + 2 * MINUTE + 3 * SECOND),
        ("500ms", SECOND // 2),
        ("1.5h", 90 * MINUTE),
        (".5s", SECOND // 2),
        ("5.s", 5 * SECOND),
        ("-1s", -SECOND),
        ("+1s", SECOND),
        ("3us", 3000),
        ("3µs", 3000),
        ("7ns", 7),
    ],
)
def test_a_duration_is_read(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "time: invalid duration "),
        ("-", "time: invalid duration -"),
        ("s", "time: invalid duration s"),
        (".s", "time: invalid duration .s"),
        ("1..2s", "time: invalid duration 1..2s"),
        ("5", "time: missing unit in duration 5"),
        ("1h5", "time: missing unit in duration 1h5"),
        ("1d", "time: unknown unit d in duration 1d"),
        ("1 s", "time: unknown unit  s in duration 1 s"),
        ("9" * 30 + "s", "time: invalid duration " + "9" * 30 + "s"),
        ("9999999999h", "time: invalid duration 9999999999h"),
    ],
)
def test_a_bad_duration_is_refused_in_go_s_words(text: str, reason: str) -> None:
    with pytest.raises(BadValueError) as refused:
        parse_duration(text)

    assert refused.value.message == reason


@given(st.integers(-(2**62), 2**62))
def test_every_duration_survives_printing(ns: int) -> None:
    assert parse_duration(format_duration(ns)) == ns


@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(text: str) -> None:
    for read in (parse_duration, parse_int, parse_bool):
        try:
            read(text)
        except BadValueError as error:
            assert error.message  # noqa: PT017 - both outcomes are fine, anything else is not


@pytest.mark.parametrize(
    ("text", "value"), [("10", 10), ("-3", -3), ("+3", 3), ("0x1f", 31), ("017", 15), ("0", 0)]
)
def test_an_integer_is_read_as_c_writes_it(text: str, value: int) -> None:
    assert parse_int(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "invalid syntax"),
        ("1_000", "invalid syntax"),
        ("٣", "invalid syntax"),
        ("1.0", "invalid syntax"),
        ("08", "invalid syntax"),
        ("9223372036854775808", "value out of range"),
        ("9" * 5000, "value out of range"),
    ],
)
def test_a_bad_integer_is_refused_in_go_s_words(text: str, reason: str) -> None:
    with pytest.raises(BadValueError) as refused:
        parse_int(text)

    assert refused.value.message == f'strconv.ParseInt: parsing "{text}": {reason}'
