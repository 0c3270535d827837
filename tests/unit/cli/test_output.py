"""The texts of rkt-cli 2.1, as scripts parse them."""

from __future__ import annotations

import os
import time

import pytest

from rktpy.cli.call import say
from rktpy.cli.output import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    WEEK,
    YEAR,
    ZERO_TIME,
    binary_size,
    format_duration,
    full_time,
    quote,
    relative_time,
    table,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Live in the time zone the test names."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_the_longest_cell_of_a_column_is_followed_by_one_tab() -> None:
    text = table([("UUID", "APP", "STATE"), ("0f746094", "etcd", "running"), ("", "x", "")])

    assert text == "UUID\t\tAPP\tSTATE\n0f746094\tetcd\trunning\n\t\tx\t\n"


def test_a_column_ends_where_a_line_lacks_it() -> None:
    assert table([("a", "b"), ("long-long-long", "b"), ("alone",), ("a", "b")]) == (
        "a\t\tb\nlong-long-long\tb\nalone\na\tb\n"
    )


@pytest.mark.parametrize(("length", "tabs"), [(0, 3), (7, 3), (8, 2), (15, 2), (16, 1), (22, 1)])
def test_shorter_cells_get_more_tabs(length: int, tabs: int) -> None:
    lines = table([("x" * 22, "-"), ("x" * length, "-")]).splitlines()

    assert lines[1] == "x" * length + "\t" * tabs + "-"


def test_no_rows_are_no_text() -> None:
    assert table([]) == ""


def test_a_table_of_a_thousand_pods_is_quick() -> None:
    rows = [("0f746094", "app", "example.com/app:1", "exited", "now", "now", "")] * 1000
    start = time.perf_counter()

    table(rows)

    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize(
    ("zone", "ns", "text"),
    [
        ("UTC", 1_500_000_000 * SECOND, "2017-07-14 02:40:00 +0000 UTC"),
        ("UTC", 1_500_000_000 * SECOND + 120_999_999, "2017-07-14 02:40:00.12 +0000 UTC"),
        ("UTC", 1_500_000_000 * SECOND + 5_000_000, "2017-07-14 02:40:00.005 +0000 UTC"),
        ("EST5", 1_500_000_000 * SECOND, "2017-07-13 21:40:00 -0500 EST"),
        ("XYZ-5:30", 1_500_000_000 * SECOND, "2017-07-14 08:10:00 +0530 XYZ"),
    ],
    indirect=["zone"],
)
@pytest.mark.usefixtures("zone")
def test_a_moment_is_shown_in_local_time(ns: int, text: str) -> None:
    assert full_time(ns) == text


@pytest.mark.parametrize("ns", [None, 0])
def test_a_moment_that_never_was_is_go_s_zero(ns: int | None) -> None:
    assert full_time(ns) == ZERO_TIME


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (0, "now"),
        (SECOND - 1, "now"),
        (SECOND, "1 second ago"),
        (2 * SECOND, "2 seconds ago"),
        (MINUTE - 1, "59 seconds ago"),
        (MINUTE, "1 minute ago"),
        (2 * MINUTE, "2 minutes ago"),
        (HOUR, "1 hour ago"),
        (5 * HOUR, "5 hours ago"),
        (DAY, "1 day ago"),
        (3 * DAY, "3 days ago"),
        (WEEK, "1 week ago"),
        (2 * WEEK, "2 weeks ago"),
        (MONTH, "1 month ago"),
        (2 * MONTH, "2 months ago"),
        (YEAR, "1 year ago"),
        (18 * MONTH, "2 years ago"),
        (5 * YEAR, "5 years ago"),
        (37 * YEAR, "a long while ago"),
        (-SECOND, "1 second from now"),
        (-3 * HOUR, "3 hours from now"),
    ],
)
def test_an_age_is_told_in_one_unit(age: int, text: str) -> None:
    assert relative_time(10 * YEAR - age + 40 * YEAR, 50 * YEAR) == text


def test_a_moment_that_never_was_is_a_long_while_ago() -> None:
    assert relative_time(None, time.time_ns()) == "a long while ago"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0B"),
        (9, "9B"),
        (10, "10B"),
        (1023, "1023B"),
        (1024, "1.0KiB"),
        (1536, "1.5KiB"),
        (10 * 1024 - 1, "10KiB"),
        (12 << 20, "12MiB"),
        (int(1.2 * (1 << 30)), "1.2GiB"),
        ((1 << 20) - 1, "1024KiB"),
        (1 << 62, "4.0EiB"),
    ],
)
def test_a_size_has_a_binary_unit(count: int, text: str) -> None:
    assert binary_size(count) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1500, "1.5µs"),
        (2_000_000, "2ms"),
        (1_500_000_000, "1.5s"),
        (30 * MINUTE, "30m0s"),
        (24 * HOUR, "24h0m0s"),
        (90 * MINUTE + SECOND // 4, "1h30m0.25s"),
        (-SECOND, "-1s"),
    ],
)
def test_a_duration_is_printed_as_go_does(ns: int, text: str) -> None:
    assert format_duration(ns) == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("a b", '"a b"'), ('a"\\', '"a\\"\\\\"'), ("\n\x01", '"\\n\\x01"'), ("\udcff", '"\\xff"')],
)
def test_text_is_quoted_as_go_does(text: str, quoted: str) -> None:
    assert quote(text) == quoted


def test_a_cell_cannot_steer_the_terminal_or_look_like_two_lines() -> None:
    assert table([["a\x1b[2J", "b\nc"]]) == "a\\x1b[2J\tb\\nc\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain ümlaut", "plain ümlaut\n"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab\n"),
        ("\x1b]0;title\x07", "\\u001b]0;title\\u0007\n"),
        ('{"label":"\x9b31m\x7f"}', '{"label":"\\u009b31m\\u007f"}\n'),  # still JSON
        ("over\rwritten", "over\\u000dwritten\n"),
    ],
)
def test_what_steers_terminals_is_escaped(
    capfd: pytest.CaptureFixture[str], text: str, written: str
) -> None:
    say(text)

    assert capfd.readouterr().out == written
