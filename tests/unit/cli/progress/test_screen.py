"""Frames on an emulated terminal."""

from __future__ import annotations

import pyte
import pytest

from rktpy import log
from rktpy.cli.progress.screen import Screen, can_draw, frame, speaks_utf8
from rktpy.image.means import DOWNLOADING, VERIFIED
from tests.unit.cli.desk import bare
from tests.unit.cli.progress.boards import Bench


class Emulated:
    """A terminal; carriage returns are the driver's, so a line end alone goes down and left."""

    def __init__(self, columns: int = 20, lines: int = 6) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.Stream(self.screen)

    def show(self, text: str) -> None:
        self._stream.feed(text.replace("\n", "\r\n"))

    def lines(self) -> list[str]:
        found = [line.rstrip() for line in self.screen.display]
        while found and not found[-1]:
            found.pop()
        return found

    @property
    def row(self) -> int:
        return self.screen.cursor.y


def test_a_picture_is_drawn_over_the_one_before() -> None:
    terminal = Emulated()
    terminal.show("$ rktpy\n")
    terminal.show(frame(["one long line", "two", "three"], last=False))
    terminal.show(frame(["one", "two 2"], last=False))

    assert terminal.lines() == ["$ rktpy", "one", "two 2"]
    assert (terminal.row, terminal.screen.cursor.x) == (1, 0)
    assert not terminal.screen.cursor.hidden


def test_the_last_picture_stays_above_what_follows() -> None:
    terminal = Emulated()
    terminal.show(frame(["one", "two"], last=False))
    terminal.show(frame(["one", "2"], last=True))
    terminal.show("an error\n")

    assert terminal.lines() == ["one", "2", "an error"]


def test_at_the_bottom_the_window_scrolls_once() -> None:
    terminal = Emulated(lines=4)
    terminal.show("a\nb\nc\n")
    for number in range(5):
        terminal.show(frame([f"one {number}", "two", "three"], last=False))

    assert terminal.lines() == ["c", "one 4", "two", "three"]


@pytest.mark.parametrize("columns", [8, 40])
def test_another_size_leaves_nothing_behind(columns: int) -> None:
    terminal = Emulated()
    terminal.show("$ rktpy\n")
    terminal.show(frame(["one long line", "two", "three"], last=False))
    terminal.screen.resize(columns=columns)
    terminal.show(frame(["1", "2"], last=False))

    assert terminal.lines() == ["$ rktpy", "1", "2"]


def test_a_line_longer_than_the_window_does_not_wrap() -> None:
    terminal = Emulated(columns=8)  # it was made narrower since we asked
    terminal.show(frame(["one long line", "two"], last=False))
    terminal.show(frame(["one", "two"], last=False))
    terminal.show("a line that may wrap")

    assert terminal.lines()[:2] == ["a line t", "hat may"]


def test_a_line_in_between_goes_above() -> None:
    terminal = Emulated()
    terminal.show(frame(["one", "two"], last=False))
    terminal.show("\r\x1b[J" + "image: a warning\n")
    terminal.show(frame(["one", "two"], last=False))

    assert terminal.lines() == ["image: a warning", "one", "two"]


def test_while_there_is_a_display_lines_clear_it_first(capfd: pytest.CaptureFixture[str]) -> None:
    screen = Screen("image", keep=False, plain=False)
    screen.step = 1e6  # the test says when to look
    bench = Bench(screen, count=1)
    bench.gauges[0].state(DOWNLOADING)
    log.write_line("before")
    assert capfd.readouterr().err == "before\n"

    bench.board.look()
    capfd.readouterr()
    log.write_line("during")
    assert capfd.readouterr().err == "\r\x1b[Jduring\n"

    bench.gauges[0].state(VERIFIED)
    bench.board.close()
    log.write_line("after")
    assert capfd.readouterr().err == "\r\x1b[Jafter\n"


def test_what_is_over_soon_needs_no_rich() -> None:
    use = (
        "from rktpy.cli.progress.board import Progress\n"
        "from rktpy.cli.progress.screen import Screen\n"
        "with Progress(Screen('x', keep=True, plain=False), lambda: 0.0) as board:\n"
        "    gauge = board.gauge('ACI', 3)\n"
        "    gauge.advance(3)\n"
        "    gauge.state('stored')\n"
        "print('rich' in sys.modules)\n"
    )

    assert bare("version", after=use).stdout.endswith("False\n")


@pytest.mark.parametrize(
    "environ", [{}, {"TERM": ""}, {"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}]
)
def test_some_environments_get_lines(environ: dict[str, str]) -> None:
    assert not can_draw(environ)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"LANG": "C"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "de_DE.utf8"}, True),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, False),
        ({"LC_CTYPE": "C.UTF-8"}, True),
    ],
)
def test_the_locale_says_what_the_terminal_shows(
    environ: dict[str, str], *, expected: bool
) -> None:
    assert speaks_utf8(environ) is expected
