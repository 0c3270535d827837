"""Moments as people type them: ``-5m``, ``2026-01-31 10:00``, ``yesterday``. Pure.

The words are those of systemd.time(7), which ``logs --since`` takes, as far as people use them, and
those of ``docker events``: seconds since 1970, and a duration, which is ago.
"""

from __future__ import annotations

import time

from rktpy.codec import quote
from rktpy.errors import RktError

SECOND = 1_000_000_000
_DAY = 86400

# Singular and plural are told apart by nobody; "m" is minutes and "M" is months, as in systemd.
_UNITS = {
    "us": 1e-6, "usec": 1e-6, "ms": 1e-3, "msec": 1e-3,
    "s": 1, "sec": 1, "second": 1,
    "m": 60, "min": 60, "minute": 60,
    "h": 3600, "hr": 3600, "hour": 3600,
    "d": _DAY, "day": _DAY, "w": 7 * _DAY, "week": 7 * _DAY,
    "M": 30.44 * _DAY, "month": 30.44 * _DAY, "y": 365.25 * _DAY, "year": 365.25 * _DAY,
}  # fmt: skip
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_DIGITS = frozenset("0123456789.")


class MomentError(RktError):
    """The text is no moment."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{quote(text)} is not a time",
            hint="say -5m, 5 minutes ago, 2026-01-31 10:00, today, or seconds since 1970",
        )


def parse_moment(text: str, now: int) -> int:
    """Return nanoseconds since 1970; ``now`` is that, too. Days and hours are local ones.

    Raises:
        MomentError: it is none.
    """
    try:
        return _parse(text.strip(), now)
    except (ValueError, OverflowError):
        raise MomentError(text) from None


def _parse(text: str, now: int) -> int:
    if text == "now":
        return now
    if text in ("today", "yesterday", "tomorrow"):
        days = ("yesterday", "today", "tomorrow").index(text) - 1
        day = time.localtime(now // SECOND)
        return int(time.mktime((*day[:2], day.tm_mday + days, 0, 0, 0, 0, 0, -1))) * SECOND
    if text.removeprefix("@") and _DIGITS.issuperset(text.removeprefix("@")):
        return _scaled(text.removeprefix("@"))
    if text[:4].isdigit() and text[4:5] == "-":
        return _clock(text)
    if text.startswith("+"):
        return now + _span(text[1:])
    return now - _span(text.removeprefix("-").removesuffix("ago"))


def _scaled(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * SECOND + int((fraction + "0" * 9)[:9])


def _clock(text: str) -> int:
    """Return what a date and time of day, with or without a zone, means."""
    body, offset = text, None
    if body[10:11] == "T":
        body = f"{body[:10]} {body[11:]}"
    if body[-1] in "Zz":
        body, offset = body[:-1], 0
    elif body[-6:-5] in ("+", "-") and body[-3] == ":" and " " in body[:-6]:
        zone, body = body[-6:], body[:-6]
        minutes = int(zone[1:3]) * 60 + int(zone[4:])
        offset = -60 * minutes if zone[0] == "-" else 60 * minutes
    elif body.endswith(" UTC"):
        body, offset = body[:-4], 0
    body, _, fraction = body.strip().partition(".")
    if fraction and not fraction.isdigit():
        raise ValueError(text)
    rest = int((fraction + "0" * 9)[:9])
    for form in _FORMATS:
        try:
            parts = time.strptime(body, form)
        except ValueError:
            continue
        if offset is None:
            return int(time.mktime((*parts[:8], -1))) * SECOND + rest
        from calendar import timegm

        return (timegm(parts) - offset) * SECOND + rest
    raise ValueError(text)


def _span(text: str) -> int:
    """Return what ``5m``, ``1h 30min`` or ``5 minutes`` lasts."""
    total, number, unit = 0.0, "", ""
    found = False
    for char in f"{text} 0":  # the last number ends the last unit
        if char in _DIGITS:
            if unit:
                total += float(number) * _unit(unit)
                number, unit, found = "", "", True
            number += char
        elif char.isalpha():
            unit += char
        elif not char.isspace():
            raise ValueError(text)
    if not found or number != "0":
        raise ValueError(text)
    return int(total * SECOND)


def _unit(word: str) -> float:
    return _UNITS.get(word) or _UNITS.get(word.lower().removesuffix("s")) or _unknown(word)


def _unknown(word: str) -> float:
    raise ValueError(word)
