"""How values look on the terminal: tables, times, sizes, durations, quoting. Pure.

Scripts parse these texts, so they are exactly rkt's (reference: rkt-cli 2.1).
"""

from __future__ import annotations

import time

from rktpy.log import harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SECOND = 1_000_000_000  # in nanoseconds, the unit of every time and duration here
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
MONTH = 30 * DAY
YEAR = 12 * MONTH

ZERO_TIME = "0001-01-01 00:00:00 +0000 UTC"  # what Go prints for a time that was never set

_TAB = 8

# Up to this age, that text; the unit divides the age for the %d.
_AGES = (
    (SECOND, "now", 0),
    (2 * SECOND, "1 second", 0),
    (MINUTE, "%d seconds", SECOND),
    (2 * MINUTE, "1 minute", 0),
    (HOUR, "%d minutes", MINUTE),
    (2 * HOUR, "1 hour", 0),
    (DAY, "%d hours", HOUR),
    (2 * DAY, "1 day", 0),
    (WEEK, "%d days", DAY),
    (2 * WEEK, "1 week", 0),
    (MONTH, "%d weeks", WEEK),
    (2 * MONTH, "1 month", 0),
    (YEAR, "%d months", MONTH),
    (18 * MONTH, "1 year", 0),
    (2 * YEAR, "2 years", 0),
    (37 * YEAR, "%d years", YEAR),
)

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")


def table(rows: Iterable[Sequence[str]]) -> str:
    """Return ``rows`` as lines whose cells line up in columns padded with tabs only.

    A column is as wide as its longest cell among neighbouring lines that have it; the last cell of
    a line is never padded. No rows give an empty text.
    """
    # A cell may be a stranger's word: it must neither steer the terminal nor look like two.
    lines = [[c if c.isprintable() else harmless(c).replace("\n", "\\n") for c in r] for r in rows]
    longest = max((len(line) for line in lines), default=0)
    for column in range(longest - 1):
        block: list[list[str]] = []
        for line in lines:
            if column < len(line) - 1:
                block.append(line)
            else:
                _pad(block, column)
                block = []
        _pad(block, column)
    return "".join(["".join(line) + "\n" for line in lines])


def _pad(block: list[list[str]], column: int) -> None:
    """Pad one column of neighbouring lines in place."""
    if not block:
        return
    width = max(len(line[column]) for line in block) + 1
    stop = -(-width // _TAB)
    for line in block:
        cell = line[column]
        line[column] = cell + "\t" * (stop - len(cell) // _TAB)


def full_time(ns: int | None) -> str:
    """Return a moment (nanoseconds since 1970) in local time, to the millisecond.

    ``None`` and 0 mean that the moment is not known.
    """
    if not ns:
        return ZERO_TIME
    seconds, rest = divmod(ns, SECOND)
    at = time.localtime(seconds)
    fraction = f".{rest // 1_000_000:03d}".rstrip("0").rstrip(".")
    offset = abs(at.tm_gmtoff) // 60
    sign = "-" if at.tm_gmtoff < 0 else "+"
    day = f"{at.tm_year:04d}-{at.tm_mon:02d}-{at.tm_mday:02d}"
    clock = f"{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}{fraction}"
    return f"{day} {clock} {sign}{offset // 60:02d}{offset % 60:02d} {at.tm_zone}"


def relative_time(ns: int | None, now: int) -> str:
    """Return how long ago ``ns`` was at ``now``, both nanoseconds since 1970, in one unit."""
    age = now - (ns or 0)
    suffix = " ago" if age >= 0 else " from now"
    age = abs(age)
    for limit, text, unit in _AGES:
        if age < limit:
            if not unit:
                return text if text == "now" else text + suffix
            return text % (age // unit) + suffix
    return "a long while" + suffix


def binary_size(count: int) -> str:
    """Return ``count`` bytes with a unit of 1024: ``7B``, ``1.2GiB``, ``12MiB``."""
    if count < 10:
        return f"{count}B"
    power = min((count.bit_length() - 1) // 10, len(_SIZES) - 1)
    tenths = (count * 20 + (1 << 10 * power)) // (2 << 10 * power)  # rounded half up
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10}{_SIZES[power]}"
    return f"{tenths / 10:.0f}{_SIZES[power]}"


def format_duration(ns: int) -> str:
    """Return a duration as Go prints it: ``30m0s``, ``1.5s``, ``2ms``, ``0s``."""
    if ns == 0:
        return "0s"
    sign = "-" if ns < 0 else ""
    ns = abs(ns)
    if ns < SECOND:
        for unit, size in (("ms", 1_000_000), ("µs", 1000), ("ns", 1)):
            if ns >= size:
                return f"{sign}{_decimal(ns, size)}{unit}"
    minutes, rest = divmod(ns, MINUTE)
    text = _decimal(rest, SECOND) + "s"
    if minutes >= 60:
        text = f"{minutes // 60}h{minutes % 60}m{text}"
    elif minutes:
        text = f"{minutes}m{text}"
    return sign + text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    digits = len(str(unit)) - 1
    fraction = f"{rest:0{digits}d}".rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def quote(text: str) -> str:
    """Return ``text`` in double quotes, everything unprintable escaped (Go's ``%q``)."""
    from rktpy import codec  # needed by messages only, and not free

    return codec.quote(text)
