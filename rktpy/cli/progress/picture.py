"""What a display of transfers looks like: transfers, a moment and a size → lines.

The one importer of rich, which brings bars, colours and the widths of wide characters (20 ms or
more): to be imported when there is something to show, not before.
"""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rktpy.cli.output import binary_size
from rktpy.cli.progress.lines import size, sums
from rktpy.image.means import PRESENT, WAITING
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import JustifyMethod, RenderableType

    from rktpy.cli.progress.board import Transfer

_ROWS = 12  # lines at most, however large the window is
_GAP = 2  # columns between two cells
_NAME, _SIZE, _PERCENT, _RATE, _WORD = 12, 17, 7, 9, 15  # columns
_LEFT = len(", 00:00 left")
_BAR = (10, 40)  # columns, at least and at most


class Row(Value):
    """One line: a transfer or all of them. ``rate`` is bytes per second, 0 if there is none."""

    name: str
    done: int
    total: int | None
    rate: float
    word: str
    active: bool

    @property
    def left(self) -> str:
        """How long it will take, "" if nobody knows."""
        if self.total is None or self.rate <= 0 or self.done >= self.total:
            return ""
        minutes, seconds = divmod(round((self.total - self.done) / self.rate), 60)
        return f", {minutes}:{seconds:02d} left" if minutes < 100 else ""

    @property
    def size(self) -> str:
        """Bytes that are here, of those there will be."""
        if self.word == PRESENT:
            return binary_size(self.total or 0)
        return size(self.done, self.total)

    @property
    def percent(self) -> str:
        if self.total is None or self.word == PRESENT:
            return self.size
        return f"{100 * self.done // self.total if self.total else 100}%"


def choose_rows(transfers: Sequence[Transfer], now: float, lines: int) -> list[Row]:
    """Return what is worth a line if there are ``lines``: all, else those somebody is at; the last
    one is about all of them.
    """
    rows = [_row(transfer, now) for transfer in transfers]
    if sum(row.total is not None for row in rows) < 2:
        return rows[:lines]  # nothing to add up: a signature and its image, say
    total = _total(transfers, rows, now)
    if len(rows) < lines:
        return [*rows, total]
    active = [row for row in rows if row.active]
    return [*active[: max(lines - 1, 0)], total]


def _row(transfer: Transfer, now: float) -> Row:
    return Row(
        name=transfer.name,
        done=transfer.done,
        total=transfer.total,
        rate=transfer.rate(now),
        word=transfer.word,
        active=transfer.is_active,
    )


def _total(transfers: Sequence[Transfer], rows: Sequence[Row], now: float) -> Row:
    done, total = sums(transfers)
    over = sum(transfer.has_ended for transfer in transfers)
    return Row(
        name="total",
        done=done,
        total=total,
        rate=sum(transfer.rate(now) for transfer in transfers),
        word=f"{over} of {len(rows)} done",
        active=over < len(rows),
    )


class Painter:
    """Makes lines of rows. ``color``: as the terminal can, by its name; ``plain`` is ASCII."""

    def __init__(self, what: str, *, color: bool, plain: bool) -> None:
        self._what = what if what.isprintable() else repr(what)
        self._paper = _Paper("ascii" if plain else "utf-8")
        self._console = Console(
            file=self._paper,
            force_terminal=color,
            color_system="auto" if color else None,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def paint(
        self, transfers: Sequence[Transfer], now: float, columns: int, lines: int
    ) -> list[str]:
        """Return fewer than ``lines`` lines, each shorter than ``columns``."""
        width = max(columns - 1, 1)
        room = max(min(lines - 1, _ROWS), 1)
        rows = choose_rows(transfers, now, max(room - 1, 1))
        shown: list[RenderableType] = [_grid(rows, width)]
        if len(rows) < room:
            shown.insert(0, Text(f"Downloading {self._what}"))
        self._paper.seek(0)
        self._paper.truncate()
        self._console.width = width
        for one in shown:
            self._console.print(one, no_wrap=True, overflow="ellipsis", crop=True)
        return [line.rstrip(" ") for line in self._paper.getvalue().split("\n")[:-1]]


class _Paper(io.StringIO):
    """A file that rich takes for one of ``encoding``: outside of UTF-8 it draws with ASCII."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the base says None
        return self._encoding


class _Column(Value):
    """``cell`` is what a row has in it; ``width`` in columns of the terminal."""

    width: int
    cell: Callable[[Row], RenderableType]
    right: bool = False


def _grid(rows: Sequence[Row], width: int) -> Table:
    """Return a table of ``rows`` that is no wider than ``width``."""
    columns = _columns(min(max(len(row.name) for row in rows), _NAME), width)
    table = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    for one in columns:
        side: JustifyMethod = "right" if one.right else "left"
        table.add_column(width=one.width, no_wrap=True, overflow="ellipsis", justify=side)
    for row in rows:
        table.add_row(*(one.cell(row) for one in columns))
    return table


def _columns(name: int, width: int) -> list[_Column]:
    """Return what is said of each row: the narrower it must be, the less."""
    whole = name + _GAP + _SIZE + _GAP + _RATE + _GAP + _WORD
    bar = width - whole - _GAP
    wordy = bar - _LEFT >= _BAR[0]
    if wordy:
        bar -= _LEFT
    bar = min(bar, _BAR[1])
    columns = [_Column(name, lambda row: Text(row.name, _style(row)))]
    if bar >= _BAR[0]:
        columns.append(_Column(bar, lambda row: _bar(row, bar)))
    if width >= whole - _RATE - _GAP:
        columns.append(_Column(_SIZE, lambda row: row.size, right=True))
    else:
        columns.append(_Column(_PERCENT, lambda row: row.percent, right=True))
    if width >= whole:
        columns.append(_Column(_RATE, _rate, right=True))
    if width >= name + _GAP + _PERCENT + _GAP + _WORD:
        length = _WORD + (_LEFT if wordy else 0)
        columns.append(_Column(length, lambda row: _word(row, wordy=wordy)))
    return columns


def _rate(row: Row) -> str:
    return f"{binary_size(round(row.rate))}/s" if row.rate else ""


def _word(row: Row, *, wordy: bool) -> Text:
    return Text(row.word + (row.left if wordy else ""), _style(row))


def _bar(row: Row, width: int) -> RenderableType:
    if row.total is None or row.word == PRESENT:
        return ""  # nobody knows how much of it is here, or nothing moves
    return ProgressBar(
        total=max(row.total, 1),
        completed=row.done if row.total else 1,
        width=width,
        style="bright_black",
        complete_style="cyan",
        finished_style="green",
    )


def _style(row: Row) -> str:
    if row.active:
        return "bold"
    return "dim" if row.word == WAITING else "green"
