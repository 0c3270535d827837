"""Shares of a processor, by counters as the kernel has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.throttling import shares_awake

if TYPE_CHECKING:
    from collections.abc import Iterable


def counted(used: float, periods: int, throttled: int) -> dict[str, int]:
    """Return what ``cpu.stat`` says after ``used`` seconds of processor time."""
    return {"usage_usec": round(used * 1e6), "nr_periods": periods, "nr_throttled": throttled}


def seen(looks: Iterable[dict[str, int]], *, patience: float = 60) -> tuple[float, float]:
    there = iter(looks)
    return shares_awake(lambda: next(there), 0.27, patience=patience, pause=0)


def test_periods_that_a_guest_slept_through_do_not_count() -> None:
    start, asleep = counted(5, 50, 50), counted(5.3, 150, 150)  # 0.3 s of ten
    awake = counted(5.3 + 0.75, 175, 175)

    assert seen([start, asleep, counted(5.6, 160, 160), awake]) == pytest.approx((0.3, 0.3))


def test_a_share_that_is_too_small_is_told_in_the_end() -> None:
    start, later = counted(0, 0, 0), counted(0.5, 50, 50)

    assert seen([start, later], patience=0) == pytest.approx((0.1, 0.1))


def test_more_than_the_limit_is_told_at_once() -> None:
    assert seen([counted(0, 0, 0), counted(5, 100, 50)]) == pytest.approx((0.5, 1.0))


def test_an_app_that_is_never_throttled_is_said_to_be_so() -> None:
    with pytest.raises(AssertionError, match="not throttled"):
        seen([counted(0, 0, 0), counted(5, 50, 19)], patience=0)
