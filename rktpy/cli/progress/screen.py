"""A display at the bottom of a terminal, drawn over and over in its place.

The cursor rests at the display's beginning, so the display is what begins at the cursor: a
terminal that wraps or cuts lines when the window changes, and other lines that come in between,
cannot bring it out of step. Everything is written at once, nothing is switched off for longer
than a write takes: killed at any moment, the terminal is as it was.
"""

from __future__ import annotations

import os

from rktpy import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rktpy.cli.progress.board import Transfer
    from rktpy.cli.progress.picture import Painter

_STDERR = 2
_CLEAR = "\r\x1b[J"  # from the cursor's line on
_BEGIN, _END = "\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h"  # cursor hidden, long lines cut


def can_draw(environ: Mapping[str, str]) -> bool:
    """Return whether stderr is a terminal that can do what is needed here, and is to do it."""
    if environ.get("TERM", "dumb") in ("", "dumb", "unknown") or environ.get("NO_COLOR"):
        return False
    return os.isatty(_STDERR)


def speaks_utf8(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal, by its locale, shows more than ASCII."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG", "")
    return "utf-8" in locale.lower() or "utf8" in locale.lower()


class Screen:
    """A view of a board about ``what``, see ``board.View``. Without ``keep`` it vanishes when all
    went well.
    """

    step = 0.1  # what takes no longer needs no picture, and no rich

    def __init__(self, what: str, *, keep: bool, plain: bool) -> None:
        self._what = what
        self._keep = keep
        self._plain = plain
        self._painter: Painter | None = None
        self._blind = False

    def show(self, transfers: Sequence[Transfer], now: float) -> None:
        """Draw a picture."""
        if not self._blind:
            self._draw(transfers, now)

    def ended(self, transfer: Transfer) -> None:
        """The next picture shows it."""

    def close(self, transfers: Sequence[Transfer], now: float) -> None:
        """Leave the last picture above the cursor, or nothing."""
        if self._painter is None:
            return
        if self._keep or any(transfer.is_active for transfer in transfers):
            self._draw(transfers, now, last=True)
        else:
            _write(_CLEAR)
        log.write_before_lines("")

    def _draw(self, transfers: Sequence[Transfer], now: float, *, last: bool = False) -> None:
        if self._painter is None:
            try:
                from rktpy.cli.progress.picture import Painter
            except ModuleNotFoundError:
                self._blind = True  # without rich there is all but this
                return
            self._painter = Painter(self._what, color=True, plain=self._plain)
            log.write_before_lines(_CLEAR)
        _write(frame(self._painter.paint(transfers, now, *_window()), last=last))


def frame(lines: Sequence[str], *, last: bool) -> str:
    """Return what to write so that ``lines`` stand where the cursor is, which then is at their
    beginning again or, for the ``last`` time, below them.
    """
    # Lines are overwritten and only their rest is erased: erasing all of it first flickers.
    text = "\x1b[K\r\n".join(lines) + "\x1b[J"
    up = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
    return f"{_BEGIN}\r{text}{chr(10) if last else up}\r{_END}"


def _window() -> tuple[int, int]:
    """Return columns and lines of the terminal; those of a usual one if it does not know."""
    try:
        columns, lines = os.get_terminal_size(_STDERR)
    except OSError:
        columns, lines = 0, 0
    return columns or 80, lines or 24


def _write(text: str) -> None:
    data = memoryview(text.encode())
    try:
        while data:
            data = data[os.write(_STDERR, data) :]
    except OSError:
        return  # it hung up, or is full: no reason to stop
