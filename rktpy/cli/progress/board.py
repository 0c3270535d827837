"""Transfers side by side: what is known of each, and how fast it goes. Shows nothing itself."""

from __future__ import annotations

import os
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

        step: float  # seconds between two pictures

        def show(self, transfers: Sequence[Transfer], now: float) -> None:
            """Show how far they are. Not called before a transfer has lasted for one ``step``."""

        def ended(self, transfer: Transfer) -> None:
            """``transfer`` has come to one of the ``ENDS``."""

        def close(self, transfers: Sequence[Transfer], now: float) -> None:
            """It is over, for better or, if a transfer has not ended, for worse."""


_WINDOW = 3.0  # seconds over which a rate is measured
_STEP = 0.25  # seconds between two samples of it, at least
_DIGEST = 12  # hexadecimal digits that tell layers apart for people

# Held while something is drawn, which may import, and by whoever forks: a process that is forked
# in the middle of an import of another thread would wait for ever for its end.
drawing = threading.Lock()
os.register_at_fork(
    before=drawing.acquire,
    after_in_parent=drawing.release,
    after_in_child=drawing.release,
)


class Transfer:
    """One transfer as it stands. ``total`` and ``done`` are bytes; ``total`` None: unknown."""

    __slots__ = ("_samples", "done", "name", "total", "word")

    def __init__(self, what: str, total: int | None) -> None:
        _, colon, digits = what.partition(":")
        self.name = digits[:_DIGEST] if colon and digits.isalnum() else what
        self.total = total
        self.done = 0
        self.word = WAITING
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
            kept = []  # it began anew
        if not kept or now - kept[-1][0] >= _STEP:
            recent = [one for one in kept if now - one[0] <= _WINDOW]
            kept = [*(recent or kept[-1:]), (now, self.done)]
        self._samples = kept

    def measure(self, done: int, total: int | None) -> None:
        """Note where it stands. What is here already did not arrive: the rate begins anew."""
        self.done, self.total = done, total
        self._samples = []

    def rate(self, now: float) -> float:
        """Return bytes per second of late, 0 while nothing is downloaded."""
        if self.word != DOWNLOADING or not self._samples:
            return 0.0
        moment, count = self._samples[0]
        return max(self.done - count, 0) / (now - moment) if now - moment >= _STEP else 0.0


class Progress(Resource):
    """A board, see ``image.means``, that is seen in ``view``.

    A thread looks at the clock: those who transfer may wait for bytes for long, and drawing must
    not make them wait.
    """

    __slots__ = ("_clock", "_over", "_owner", "_thread", "_transfers", "_view")

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = view
        self._clock = clock
        self._owner = os.getpid()
        self._transfers: list[Transfer] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def gauge(self, what: str, total: int | None) -> Gauge:
        """Show one more transfer."""
        transfer = Transfer(what, total)
        with drawing:
            self._transfers.append(transfer)
        return Gauge(self, transfer)

    def begin(self, transfer: Transfer) -> None:
        """See to it that changes are shown from now on; the rate counts from here."""
        with drawing:
            transfer.sample(self._clock())
            if self._thread is None and not self._over.is_set():
                self._thread = threading.Thread(target=self._look, name="progress", daemon=True)
                self._thread.start()

    def look(self) -> None:
        """Show how it stands."""
        with drawing:
            if not self._over.is_set():
                self._view.show(self._transfers, self._sample())

    def end(self, transfer: Transfer) -> None:
        """Say that ``transfer`` is over."""
        with drawing:
            if not self._over.is_set():
                self._view.ended(transfer)

    def close(self) -> None:
        """Show how it ended, and nothing after that."""
        if self._over.is_set() or os.getpid() != self._owner:
            return  # a forked process is not the one to say how it ended
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self._view.close(self._transfers, self._sample())

    def _look(self) -> None:
        while not self._over.wait(self._view.step):
            self.look()

    def _sample(self) -> float:
        now = self._clock()
        for transfer in self._transfers:
            if transfer.word == DOWNLOADING:
                transfer.sample(now)
        return now


class Gauge:
    """One transfer of a board, see ``image.means``."""

    __slots__ = ("_board", "_transfer")

    def __init__(self, board: Progress, transfer: Transfer) -> None:
        self._board = board
        self._transfer = transfer

    def advance(self, count: int) -> None:
        """Note that ``count`` more bytes are here."""
        self._transfer.done += count

    def measure(self, done: int, total: int | None) -> None:
        """Note where it stands."""
        self._transfer.measure(done, total)

    def state(self, word: str) -> None:
        """Note what is done with it now."""
        before, self._transfer.word = self._transfer.word, word
        if word not in ENDS:
            self._board.begin(self._transfer)
        elif before not in ENDS:
            self._board.end(self._transfer)
