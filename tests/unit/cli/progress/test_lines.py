from __future__ import annotations

from typing import TYPE_CHECKING

from rktpy.cli.progress.lines import Lines
from rktpy.image.means import ARRIVED, DOWNLOADING, PRESENT, VERIFIED
from tests.unit.cli.progress.boards import MIB, Bench

if TYPE_CHECKING:
    import pytest


def test_each_layer_has_a_line_when_it_is_over(capfd: pytest.CaptureFixture[str]) -> None:
    bench = Bench(Lines(), count=3)
    bench.gauges[0].state(PRESENT)
    bench.gauges[1].state(DOWNLOADING)
    bench.gauges[1].advance(30 * MIB)
    assert capfd.readouterr().err == "000000000000: already there\n"

    bench.gauges[1].state(VERIFIED)
    signature = bench.board.gauge("signature", None)
    signature.advance(228)
    signature.state(ARRIVED)

    assert capfd.readouterr().err == (
        "Downloading 000000000001: 30MiB / 30MiB, verified\nDownloading signature: 228B, arrived\n"
    )
    bench.board.close()


def test_in_between_there_is_a_line_about_all_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    bench = Bench(count=2)
    for gauge in bench.gauges:
        gauge.state(DOWNLOADING)
    bench.clock.now += 5
    for gauge in bench.gauges:
        gauge.advance(7_500_000)

    Lines().show(bench.transfers, bench.clock.now)

    (line,) = capfd.readouterr().err.splitlines()
    assert line == "Downloading 2 parts, 0 done: 14MiB / 60MiB, 2.9MiB/s"


def test_a_rate_is_known_though_nobody_looks_often(capfd: pytest.CaptureFixture[str]) -> None:
    bench = Bench(count=2)
    gauge = bench.gauges[0]
    gauge.state(DOWNLOADING)
    for _look in range(3):
        bench.clock.now += Lines.step
        gauge.advance(7_500_000)
        Lines().show(bench.transfers, bench.clock.now)

    rates = [line.rpartition(", ")[2] for line in capfd.readouterr().err.splitlines()]
    assert rates == ["1.4MiB/s"] * 3


def test_the_only_one_is_called_by_its_name(capfd: pytest.CaptureFixture[str]) -> None:
    bench = Bench()
    gauge = bench.board.gauge("ACI", None)
    gauge.state(DOWNLOADING)
    bench.pass_time(5, 1_500_000, gauge)

    Lines().show(bench.transfers, bench.clock.now)

    assert capfd.readouterr().err == "Downloading ACI: 7.2MiB, 1.4MiB/s\n"


def test_what_broke_off_is_told_as_it_stands(capfd: pytest.CaptureFixture[str]) -> None:
    bench = Bench(Lines(), count=2)
    with bench.board:
        bench.gauges[0].state(DOWNLOADING)
        bench.gauges[0].advance(3 * MIB)

    assert capfd.readouterr().err == "Downloading 000000000000: 3.0MiB / 30MiB, downloading\n"
