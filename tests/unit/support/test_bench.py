"""What the bench says about its samples."""

from __future__ import annotations

import json
import random
from functools import partial
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.pod.lifecycle import pods
from rktpy.pod.phase import State
from tests.bench.__main__ import choose
from tests.bench.model import Budget, Result, Row, Sample, Side, UnavailableError
from tests.bench.pods import make_exited
from tests.bench.report import Table, as_json
from tests.bench.timing import run_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def _result(budget: Budget, **walls: Sequence[float]) -> Result:
    samples = {
        side: [Sample(wall=wall, cpu=wall / 2, memory=20.0) for wall in values]
        for side, values in walls.items()
    }
    return Result(Row("key", "a title", budget, {}), samples)


@pytest.mark.parametrize(
    ("budget", "verdict"),
    [
        (Budget(wall=10), "ok"),
        (Budget(wall=9), "miss (time)"),
        (Budget(memory=20), "ok"),
        (Budget(memory=19), "miss (memory)"),
        (Budget(below_peer=True), "ok"),
        (Budget(times_floor=2), "ok"),
        (Budget(times_floor=1.9), "miss (floor)"),
        (Budget(wall=1, memory=1), "miss (time, memory)"),
    ],
)
def test_the_budget_decides_the_verdict(budget: Budget, verdict: str) -> None:
    result = _result(budget, rktpy=[10, 9, 300], podman=[40], floor=[5])
    assert result.verdict() == verdict


def test_being_as_slow_as_the_peer_is_a_miss() -> None:
    assert _result(Budget(below_peer=True), rktpy=[5], podman=[5]).verdict() == "miss (peer)"


def test_without_a_figure_there_is_no_verdict() -> None:
    assert _result(Budget(wall=1), podman=[5]).verdict() == "-"


def test_the_median_and_not_the_mean_counts() -> None:
    assert _result(Budget(), rktpy=[1, 2, 900]).median("rktpy") == 2


def test_the_table_and_the_json_say_the_same() -> None:
    result = _result(Budget(wall=30), rktpy=[10], podman=[40], floor=[5])
    result.missing["podman"] = "why\nnot"
    table = Table([result.row])
    line, note = table.lines(result).splitlines()
    assert line.index("<=") == table.head().index("budget")
    assert line.split() == [
        "a", "title", "10.0", "40.0", "5.0", "0.25", "2.00", "20.0", "<=", "30", "ms", "ok",
    ]  # fmt: skip
    assert note == "  no figure of podman: why not"
    (row,) = json.loads(json.dumps(as_json([result])))["rows"]
    assert row["sides"]["rktpy"]["median_ms"] == 10
    assert row["ratio_podman"] == 0.25


class CountingTimer:
    """A timer that measures nothing and remembers the order it was asked in."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def sample(self, side: Side) -> Sample:
        name = side.commands[0][0]
        self.order.append(name)
        if name == "broken":
            raise UnavailableError("it broke")
        return Sample(1, 1, 1)

    def memory(self, side: Side) -> float:
        self.order.append(f"memory of {side.commands[0][0]}")
        return 77.0


def _row(*names: str) -> Row:
    def side(name: str) -> Side:
        if name == "absent":
            raise UnavailableError("not here")
        return Side([(name,)])

    return Row("key", "title", Budget(), {name: partial(side, name) for name in names})


def _run(row: Row, timer: CountingTimer, rounds: int = 4) -> Result:
    rng = random.Random(1)  # an order, not a secret
    return run_row(row, timer, rounds=rounds, report=lambda _text: None, rng=rng)


def test_every_round_runs_every_side_once_and_the_first_does_not_count() -> None:
    timer = CountingTimer()
    result = _run(_row("a", "b", "c"), timer)
    rounds = [set(timer.order[at : at + 3]) for at in range(0, 15, 3)]
    assert rounds == [{"a", "b", "c"}] * 5
    assert {name: len(samples) for name, samples in result.samples.items()} == dict.fromkeys(
        "abc", 4
    )


def test_memory_of_all_processes_is_looked_at_in_the_warm_up_round() -> None:
    row = Row("key", "title", Budget(memory=50), {"rktpy": lambda: Side([("a",)], together=True)})
    timer = CountingTimer()
    result = _run(row, timer, rounds=2)
    assert timer.order == ["memory of a", "a", "a"]
    assert (result.memory("rktpy"), result.verdict()) == (77.0, "miss (memory)")


def test_a_side_that_few_rows_have_gets_a_column_where_one_has_it() -> None:
    rows = [Row("key", "a title", Budget(), {"umoci": lambda: Side([("a",)])})]
    assert "x umoci" in Table(rows).head()
    assert "umoci" not in Table([Row("key", "a title", Budget(), {})]).head()


def test_a_side_that_fails_is_out_and_the_others_go_on() -> None:
    result = _run(_row("a", "broken", "absent"), CountingTimer())
    assert result.missing == {"broken": "it broke", "absent": "not here"}
    assert len(result.samples["a"]) == 4


def test_fabricated_pods_are_exited_ones(tmp_path: Path) -> None:
    identifiers = make_exited(tmp_path, 3)
    found = {pod.uuid: pod.state() for pod in pods(Layout(str(tmp_path)))}
    assert found == dict.fromkeys(identifiers, State.EXITED)


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ([], ["run-true", "run-true-100", "gc-100", "run-two"]),
        (["run-true"], ["run-true"]),
        (["gc", "run-two"], ["gc-100", "run-two"]),
        (["run"], ["run-true", "run-true-100", "run-two"]),
    ],
)
def test_rows_are_chosen_by_key_or_its_first_words(words: list[str], chosen: list[str]) -> None:
    rows = [Row(key, "", Budget(), {}) for key in ("run-true", "run-true-100", "gc-100", "run-two")]
    assert [row.key for row in choose(rows, words)] == chosen


def test_a_row_that_is_not_routine_has_to_be_named() -> None:
    rows = [Row("pull-1", "", Budget(), {}), Row("pull-2", "", Budget(), {}, routine=False)]
    assert [row.key for row in choose(rows, [])] == ["pull-1"]
    assert [row.key for row in choose(rows, ["pull"])] == ["pull-1"]
    assert [row.key for row in choose(rows, ["pull-2"])] == ["pull-2"]


def test_a_word_that_means_no_row_is_told() -> None:
    with pytest.raises(LookupError, match="ru"):
        choose([Row("run-true", "", Budget(), {})], ["ru"])
