"""Progress where nothing can be drawn: a line for each transfer that is over, few in between."""

from __future__ import annotations

from rktpy import log
from rktpy.cli.output import binary_size
from rktpy.image.means import PRESENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.cli.progress.board import Transfer


class Lines:
    """A view of a board, see ``board.View``, for a pipe, a journal, or a terminal that is dumb."""

    step = 5.0

    def show(self, transfers: Sequence[Transfer], now: float) -> None:
        """Write a line about all of it."""
        log.write_line(_summary(transfers, now))

    def ended(self, transfer: Transfer) -> None:
        """Write the line of ``transfer``."""
        log.write_line(_line(transfer))

    def close(self, transfers: Sequence[Transfer], _now: float) -> None:
        """Write how far those are that did not come to their end."""
        for transfer in transfers:
            if transfer.is_active:
                log.write_line(_line(transfer))


def _line(transfer: Transfer) -> str:
    if transfer.word == PRESENT:
        return f"{transfer.name}: {transfer.word}"
    return f"Downloading {transfer.name}: {size(transfer.done, transfer.total)}, {transfer.word}"


def _summary(transfers: Sequence[Transfer], now: float) -> str:
    done, total = sums(transfers)
    rate = sum(transfer.rate(now) for transfer in transfers)
    if len(transfers) == 1:
        what = transfers[0].name
    else:
        over = sum(transfer.has_ended for transfer in transfers)
        what = f"{len(transfers)} parts, {over} done"
    return f"Downloading {what}: {size(done, total)}, {binary_size(round(rate))}/s"


def size(done: int, total: int | None) -> str:
    """Return for people: ``done`` of ``total`` bytes, or if nobody knows how many."""
    if total is None:
        return binary_size(done)
    return f"{binary_size(done)} / {binary_size(total)}"


def sums(transfers: Sequence[Transfer]) -> tuple[int, int | None]:
    """Return the bytes that are here and those there will be, without what was here before."""
    moved = [transfer for transfer in transfers if transfer.word != PRESENT]
    known = [transfer.total for transfer in moved if transfer.total is not None]
    done = sum(transfer.done for transfer in moved)
    return done, sum(known) if len(known) == len(moved) else None
