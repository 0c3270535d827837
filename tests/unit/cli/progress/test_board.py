from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.cli.progress.board import drawing
from rktpy.image.means import (
    ARRIVED,
    DOWNLOADING,
    EXTRACTING,
    PRESENT,
    STORED,
    VERIFIED,
    WAITING,
    Nobody,
)
from tests.unit.cli.progress.boards import MIB, Bench, Noted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.cli.progress.board import Transfer


def test_a_layer_is_called_by_the_beginning_of_its_digest() -> None:
    bench = Bench(count=1)
    bench.board.gauge("ACI", None)

    assert [transfer.name for transfer in bench.transfers] == ["000000000000", "ACI"]
    assert [transfer.word for transfer in bench.transfers] == [WAITING, WAITING]


def test_bytes_are_counted_and_thrown_away() -> None:
    bench = Bench(count=1)
    (gauge,) = bench.gauges
    gauge.advance(10)
    gauge.advance(-10)
    gauge.advance(7)
    assert bench.transfers[0].done == 7

    gauge.measure(100, 400)
    assert (bench.transfers[0].done, bench.transfers[0].total) == (100, 400)


def test_a_rate_is_that_of_the_last_seconds() -> None:
    bench = Bench(count=1)
    (gauge,) = bench.gauges
    gauge.state(DOWNLOADING)
    assert bench.transfers[0].rate(bench.clock.now) == 0

    bench.pass_time(2, MIB, gauge)
    assert bench.transfers[0].rate(bench.clock.now) == pytest.approx(MIB, rel=0.2)
    bench.pass_time(6, 4 * MIB, gauge)
    assert bench.transfers[0].rate(bench.clock.now) == pytest.approx(4 * MIB, rel=0.2)
    bench.pass_time(6)
    assert bench.transfers[0].rate(bench.clock.now) == 0


def test_a_pause_that_nobody_saw_lowers_the_rate() -> None:
    bench = Bench(count=1)
    (gauge,) = bench.gauges
    gauge.state(DOWNLOADING)
    bench.pass_time(2, MIB, gauge)

    bench.clock.now += 60

    assert bench.transfers[0].rate(bench.clock.now) < MIB / 10


def test_what_was_here_before_does_not_count_for_the_rate() -> None:
    bench = Bench(count=1)
    (gauge,) = bench.gauges
    gauge.state(DOWNLOADING)
    bench.pass_time(1, MIB, gauge)
    gauge.measure(900 * MIB, 1000 * MIB)
    bench.pass_time(1, MIB, gauge)

    assert bench.transfers[0].rate(bench.clock.now) == pytest.approx(MIB, rel=0.2)


def test_what_begins_anew_has_no_negative_rate() -> None:
    bench = Bench(count=1)
    (gauge,) = bench.gauges
    gauge.state(DOWNLOADING)
    bench.pass_time(1, MIB, gauge)
    gauge.advance(-MIB)
    bench.pass_time(1, MIB, gauge)

    assert bench.transfers[0].rate(bench.clock.now) == pytest.approx(MIB, rel=0.2)


@pytest.mark.parametrize("end", [VERIFIED, STORED, PRESENT, ARRIVED])
def test_an_end_is_told_once(end: str) -> None:
    bench = Bench(count=2)
    bench.gauges[0].state(DOWNLOADING)
    bench.gauges[0].state(EXTRACTING)
    assert bench.noted.ended_names == []

    bench.gauges[0].state(end)
    bench.gauges[0].state(end)

    assert bench.noted.ended_names == ["000000000000"]
    assert bench.transfers[0].has_ended
    assert not bench.transfers[0].is_active


def test_after_the_end_nothing_is_shown() -> None:
    bench = Bench(count=1)
    with bench.board:
        bench.gauges[0].state(DOWNLOADING)
        bench.board.look()

    bench.board.close()
    bench.gauges[0].state(VERIFIED)
    bench.board.look()

    assert (bench.noted.closed, bench.noted.seen, bench.noted.ended_names) == (1, 1, [])


def test_a_forked_process_neither_shows_nor_ends_anything() -> None:
    bench = Bench(count=1)
    bench.gauges[0].state(DOWNLOADING)
    pid = os.fork()
    if pid == 0:
        bench.board.close()
        os._exit(bench.noted.closed)

    assert os.waitpid(pid, 0)[1] == 0
    bench.board.close()
    assert bench.noted.closed == 1


class Drawing(Noted):
    """A view that is drawn all the time."""

    step = 0.0

    def show(self, transfers: Sequence[Transfer], now: float) -> None:
        super().show(transfers, now)
        sum(range(20_000))


def test_a_fork_waits_for_the_picture_and_inherits_no_lock() -> None:
    bench = Bench(Drawing(), count=1)
    bench.gauges[0].state(DOWNLOADING)
    free = 0
    for _fork in range(5):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if drawing.acquire(blocking=False) else 1)
        free += os.waitpid(pid, 0)[1] == 0
    bench.board.close()

    assert free == 5


def test_nobody_looks_at_nothing() -> None:
    with Nobody().board("image") as board:
        gauge = board.gauge("ACI", 7)
        gauge.measure(0, 7)
        gauge.advance(7)
        gauge.state(STORED)
