"""A board whose clock the test moves, and what its view was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rktpy.cli.progress.board import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.cli.progress.board import Gauge, Transfer, View

MIB = 1 << 20


class Noted:
    """A view that keeps what it was told; the test alone says when to look."""

    step = 1e6

    def __init__(self) -> None:
        self.transfers: Sequence[Transfer] = []
        self.seen = 0
        self.ended_names: list[str] = []
        self.closed = 0

    def show(self, transfers: Sequence[Transfer], now: float) -> None:
        del now
        self.transfers = transfers
        self.seen += 1

    def ended(self, transfer: Transfer) -> None:
        self.ended_names.append(transfer.name)

    def close(self, transfers: Sequence[Transfer], now: float) -> None:
        del transfers, now
        self.closed += 1


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A board with ``count`` layers of 30 MiB, seen in ``view``."""

    def __init__(self, view: View | None = None, count: int = 0) -> None:
        self.clock = Clock()
        self.noted = Noted()
        self.board = Progress(view or self.noted, self.clock)
        self.gauges: list[Gauge] = [
            self.board.gauge(f"sha256:{number:012}{'0' * 52}", 30 * MIB) for number in range(count)
        ]

    @property
    def transfers(self) -> Sequence[Transfer]:
        self.board.look()
        return self.noted.transfers

    def pass_time(self, seconds: float, bytes_per_second: int = 0, *gauges: Gauge) -> None:
        """Let time pass in steps of 0.1 s, in each of which ``gauges`` get on."""
        for _step in range(round(seconds * 10)):
            self.clock.now += 0.1
            for gauge in gauges:
                gauge.advance(bytes_per_second // 10)
            self.board.look()
