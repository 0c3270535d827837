from __future__ import annotations

import pytest
from rich.cells import cell_len

from rktpy.cli.progress.picture import Painter
from rktpy.image.means import ARRIVED, DOWNLOADING, EXTRACTING, PRESENT, VERIFIED
from tests.unit.cli.progress.boards import MIB, Bench

WHAT = "docker://example.com/some/app:1.0"


@pytest.fixture
def bench() -> Bench:
    """Five layers in all states; two seconds have passed."""
    bench = Bench(count=5)
    present, slow, fast, done, _waiting = bench.gauges
    present.state(PRESENT)
    slow.state(DOWNLOADING)
    fast.state(DOWNLOADING)
    for _step in range(20):
        bench.clock.now += 0.1
        slow.advance(150_000)
        bench.board.look()
        fast.advance(MIB)
    fast.advance(10 * MIB)
    fast.state(EXTRACTING)
    done.advance(30 * MIB)
    done.state(VERIFIED)
    return bench


def lines(bench: Bench, columns: int, rows: int = 24, *, plain: bool = False) -> list[str]:
    painter = Painter(WHAT, color=False, plain=plain)
    return painter.paint(bench.transfers, bench.clock.now, columns, rows)


def test_a_usual_terminal_shows_all_of_it(bench: Bench) -> None:
    assert lines(bench, 80) == [
        "Downloading docker://example.com/some/app:1.0",
        "000000000000                                  30MiB             already there",
        "000000000001  ━╸                     2.9MiB / 30MiB   1.4MiB/s  downloading",
        "000000000002  ━━━━━━━━━━━━━━━━━━      30MiB / 30MiB             extracting",
        "000000000003  ━━━━━━━━━━━━━━━━━━      30MiB / 30MiB             verified",
        "000000000004                             0B / 30MiB             waiting",
        "total         ━━━━━━━━━              63MiB / 120MiB   1.4MiB/s  2 of 5 done",
    ]


def test_a_narrow_one_shows_percents(bench: Bench) -> None:
    assert lines(bench, 40) == [
        "Downloading docker://example.com/some/…",
        "000000000000    30MiB  already there",
        "000000000001       9%  downloading",
        "000000000002     100%  extracting",
        "000000000003     100%  verified",
        "000000000004       0%  waiting",
        "total             52%  2 of 5 done",
    ]


def test_a_wide_one_says_how_long_it_takes(bench: Bench) -> None:
    slow = lines(bench, 200)[2]

    assert slow.endswith("downloading, 0:19 left")
    assert "━━━╸" in slow


def test_where_there_is_only_ascii_so_is_the_bar(bench: Bench) -> None:
    assert all(line.isascii() for line in lines(bench, 80, plain=True))
    assert lines(bench, 80, plain=True)[3].startswith("000000000002  ------------------  ")


@pytest.mark.parametrize("columns", [1, 2, 10, 20, 33, 40, 46, 57, 60, 72, 80, 100, 200])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 24])
def test_nothing_is_wider_or_higher_than_the_window(bench: Bench, columns: int, rows: int) -> None:
    shown = lines(bench, columns, rows)

    assert 1 <= len(shown) <= max(rows - 1, 1)
    assert max(map(cell_len, shown)) <= max(columns - 1, 1)


def test_of_many_layers_only_those_that_move_are_shown() -> None:
    bench = Bench(count=127)
    for gauge in bench.gauges[:40]:
        gauge.state(VERIFIED)
    for gauge in bench.gauges[40:43]:
        gauge.state(DOWNLOADING)

    shown = lines(bench, 80)

    names = [line.split()[0] for line in shown]
    assert names == ["Downloading", "000000000040", "000000000041", "000000000042", "total"]
    assert shown[-1].endswith("40 of 127 done")


def test_more_that_move_than_there_are_lines_are_cut_off() -> None:
    bench = Bench(count=127)
    for gauge in bench.gauges:
        gauge.state(DOWNLOADING)

    assert len(lines(bench, 80)) == 12
    assert len(lines(bench, 80, 6)) == 5
    assert lines(bench, 80, 6)[-1].startswith("total")


def test_a_signature_and_its_image_have_no_total() -> None:
    bench = Bench()
    signature = bench.board.gauge("signature", None)
    image = bench.board.gauge("ACI", None)
    signature.advance(228)
    signature.state(ARRIVED)
    image.state(DOWNLOADING)
    image.advance(3 * MIB)

    title, first, second = lines(bench, 80)

    assert title == f"Downloading {WHAT}"
    assert first.split() == ["signature", "228B", "arrived"]
    assert second.split() == ["ACI", "3.0MiB", "downloading"]


def test_a_name_cannot_speak_to_the_terminal() -> None:
    painter = Painter("evil\x1b]0;title\x07", color=True, plain=False)
    bench = Bench(count=1)

    title = painter.paint(bench.transfers, bench.clock.now, 80, 24)[0]

    assert "\x1b]" not in title
