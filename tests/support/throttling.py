"""What a limit of processor time did, by the kernel's own count of its periods.

On a busy machine an app may get less than its limit in any second, and clocks are read a little
before or after the counters. What always holds: in a period that ended in throttling the app had
used up its share, and in no period it got more. A guest that was not scheduled itself counts the
periods that it slept through as throttled, all at once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PERIOD = 0.1  # seconds, the kernel's default and ours
ENOUGH = 20  # throttled periods: the first and the last one are seen in part


def counters(text: str) -> dict[str, int]:
    """Return the numbers of one or more ``cpu.stat``; v1 has the usage in another one."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def shares(begin: Mapping[str, int], end: Mapping[str, int]) -> tuple[float, float] | None:
    """Return the least and the most of a processor that an app with a limit can have been given,
    None while it was not throttled often enough to say.
    """
    used, periods, throttled = (
        end[name] - begin[name] for name in ("usage_usec", "nr_periods", "nr_throttled")
    )
    if throttled < ENOUGH:
        return None
    return used / 1e6 / PERIOD / periods, used / 1e6 / PERIOD / throttled


def shares_awake(
    look: Callable[[], Mapping[str, int]], wanted: float, *, patience: float, pause: float = 0.5
) -> tuple[float, float]:
    """Return the ``shares`` while a guest was awake, so that the most is ``wanted`` or more, or the
    last ones if none are in ``patience`` seconds; ``look`` returns the counters, every ``pause``.
    """
    end = time.monotonic() + patience
    begin = look()
    while True:
        now = look()
        found = shares(begin, now)
        if found and (found[1] >= wanted or time.monotonic() > end):
            return found
        assert time.monotonic() < end, f"it is not throttled: {begin}, {now}"
        if found:
            begin = now
        time.sleep(pause)
