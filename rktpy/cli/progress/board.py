"""Transfers side by side: what is known of each, and how fast it goes. Shows nothing itself."""

from __future__ import annotations

import threading
import time

from rktpy.image.means import DOWNLOADING, ENDS, WAITING
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    class View(Protocol):
        """Where a board is seen. ``now`` is in seconds of a clock that only goes forward."""

        def changed(self, transfers: Sequence[Transfer], now: float) -> None:
            """Bytes arrived, or time passed: called often."""

        def ended(self, transfer: Transfer) -> None:
            """``transfer`` has come to one of the ``ENDS``."""

        def close(self, transfers: Sequence[Transfer], now: float) -> None:
            """It is over, for better or, if a transfer has not ended, for worse."""


_WINDOW = 3.0  # seconds over which a rate is measured
_STEP = 0.25  # seconds between two samples of it
_DIGEST = 12  # hexadecimal digits that tell layers apart for people


class Transfer:
    """One transfer as it stands. ``total`` and ``done`` are bytes; ``total`` None: unknown."""

    __slots__ = ("_samples", "begun", "done", "name", "total", "word")

    def __init__(self, what: str, total: int | None) -> None:
        _, colon, digits = what.partition(":")
        self.name = digits[:_DIGEST] if colon and digits.isalnum() else what
        self.total = total
        self.done = 0
        self.word = WAITING
        self.begun = 0.0
        self._samples: list[tuple[float, int]] = []  # moment, bytes; oldest first

    @property
    def has_ended(self) -> bool:
        return self.word in ENDS

    @property
    def is_active(self) -> bool:
        """Whether somebody is at it."""
        return self.word != WAITING and not self.has_ended

    def sample(self, now: float) -> None:
        """Note for the rate how far it is at ``now``."""
        kept = self._samples
        if kept and self.done < kept[-1][1]:
            kept.clear()  # it began anew
        if not kept or now - kept[-1][0] >= _STEP:
            kept.append((now, self.done))
            while now - kept[1 if len(kept) > 1 else 0][0] > _WINDOW:
                kept.pop(0)

    def forget_rate(self) -> None:
        """Measure from here on: what was here already did not arrive."""
        self._samples.clear()

    def rate(self, now: float) -> float:
        """Return bytes per second of late, 0 while nothing is downloaded."""
        if self.word != DOWNLOADING or not self._samples:
            return 0.0
        moment, count = self._samples[0]
        return max(self.done - count, 0) / (now - moment) if now - moment >= _STEP else 0.0


class Progress(Resource):
    """A board, see ``image.means``, that is seen in ``view``."""

    __slots__ = ("_clock", "_closed", "_lock", "_transfers", "_view")

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = view
        self._clock = clock
        self._lock = threading.RLock()
        self._transfers: list[Transfer] = []
        self._closed = False

    def gauge(self, what: str, total: int | None) -> Gauge:
        """Show one more transfer."""
        transfer = Transfer(what, total)
        with self._lock:
            self._transfers.append(transfer)
        return Gauge(self, transfer)

    def tick(self) -> None:
        """Look at the clock."""
        self.note(None)

    def note(self, change: Callable[[float], None] | None) -> None:
        """Carry out ``change``, which is told the time, and let it be seen."""
        with self._lock:
            if self._closed:
                return
            now = self._clock()
            if change is not None:
                change(now)
            for transfer in self._transfers:
                if transfer.word == DOWNLOADING:
                    transfer.sample(now)
            self._view.changed(self._transfers, now)

    def end(self, transfer: Transfer) -> None:
        """Say that ``transfer`` is over."""
        with self._lock:
            if not self._closed:
                self._view.ended(transfer)

    def close(self) -> None:
        """Show how it ended, and nothing after that."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._view.close(self._transfers, self._clock())


class Gauge:
    """One transfer of a board, see ``image.means``."""

    __slots__ = ("_board", "_transfer")

    def __init__(self, board: Progress, transfer: Transfer) -> None:
        self._board = board
        self._transfer = transfer

    def advance(self, count: int) -> None:
        """Note that ``count`` more bytes are here."""

        def change(_now: float) -> None:
            self._transfer.done += count

        self._board.note(change)

    def measure(self, done: int, total: int | None) -> None:
        """Note where it stands."""

        def change(_now: float) -> None:
            self._transfer.done, self._transfer.total = done, total
            self._transfer.forget_rate()

        self._board.note(change)

    def state(self, word: str) -> None:
        """Note what is done with it now."""

        def change(now: float) -> None:
            transfer = self._transfer
            ends = word in ENDS and not transfer.has_ended
            transfer.begun = transfer.begun or now
            transfer.word = word
            if ends:
                self._board.end(transfer)

        self._board.note(change)
