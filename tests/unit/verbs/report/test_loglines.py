"""What `rktpy logs` makes of entries of a journal."""

from __future__ import annotations

import json

import pytest

from rktpy.verbs.report.loglines import JsonPrinter, TextPrinter, matches

APPS = ("web", "db")


def entry(text: bytes, app: str = "web", **fields: bytes) -> dict[bytes, bytes]:
    given = {name.encode(): value for name, value in fields.items()}
    return {
        b"__REALTIME_TIMESTAMP": b"1767225600000042",
        b"_SYSTEMD_UNIT": app.encode() + b".service",
        b"_PID": b"7",
        b"MESSAGE": text,
    } | given


def text_of(*entries: dict[bytes, bytes], apps: tuple[str, ...] = ("web",)) -> bytes:
    return TextPrinter(apps, timestamps=False)(entries)


def test_the_lines_of_one_app_have_nothing_in_front() -> None:
    assert text_of(entry(b"a"), entry(b"\xff\x1b[1m")) == b"a\n\xff\x1b[1m\n"


def test_the_lines_of_several_apps_say_whose_they_are() -> None:
    assert text_of(entry(b"a"), entry(b"b", "db"), apps=APPS) == b"web: a\ndb: b\n"


def test_what_a_reaper_says_of_an_app_counts_as_its_own() -> None:
    line = entry(b"Error: x", "reaper-db", SYSLOG_IDENTIFIER=b"db")

    assert text_of(line, apps=APPS) == b"db: Error: x\n"


def test_a_program_with_another_name_is_part_of_its_app() -> None:
    assert text_of(entry(b"x", SYSLOG_IDENTIFIER=b"cron"), apps=APPS) == b"web: x\n"


def test_pieces_of_a_long_line_are_one_line_again() -> None:
    first = entry(b"1" * 3, _LINE_BREAK=b"line-max", _STREAM_ID=b"s")
    second = entry(b"2" * 3, _LINE_BREAK=b"line-max", _STREAM_ID=b"s")

    assert text_of(first, second, entry(b"3", _STREAM_ID=b"s"), entry(b"x")) == b"1112223\nx\n"


def test_a_long_line_that_another_app_interrupts_is_broken() -> None:
    first = entry(b"long", _LINE_BREAK=b"line-max", _STREAM_ID=b"s")
    other = entry(b"other", "db", _STREAM_ID=b"t")

    assert text_of(first, other, apps=APPS) == b"web: long\ndb: other\n"


@pytest.mark.parametrize(
    ("kind", "end"), [(b"nul", b"\0"), (b"eof", b"\n"), (b"pid-change", b"\n")]
)
def test_a_line_ends_as_the_app_ended_it(kind: bytes, end: bytes) -> None:
    assert text_of(entry(b"a", _LINE_BREAK=kind)) == b"a" + end


def test_the_time_is_in_front_if_asked_for() -> None:
    printer = TextPrinter(APPS, timestamps=True)

    assert printer([entry(b"a")]) == b"2026-01-01T00:00:00.000042Z web: a\n"


def test_json_has_an_object_for_each_line() -> None:
    lines = JsonPrinter(APPS, pretty=False)([entry(b"a"), entry(b"b\xff", "db")]).splitlines()

    assert [json.loads(line) for line in lines] == [
        {"time": "2026-01-01T00:00:00.000042Z", "app": "web", "pid": 7, "text": "a"},
        {"time": "2026-01-01T00:00:00.000042Z", "app": "db", "pid": 7, "text": "b\ufffd",
         "base64": "Yv8="},
    ]  # fmt: skip


def test_lines_are_found_by_unit_or_by_name() -> None:
    assert matches(["a", "b"]) == (
        "_SYSTEMD_UNIT=a.service", "_SYSTEMD_UNIT=b.service", "+",
        "SYSLOG_IDENTIFIER=a", "SYSLOG_IDENTIFIER=b",
    )  # fmt: skip
