"""Work shared with forked copies: order, and what happens when a copy dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from rktpy.host.share import share

ITEMS = [f"item {number}" for number in range(40)]


def test_answers_come_in_order_whoever_gives_them(tmp_path: Path) -> None:
    def work(item: str) -> str:
        (tmp_path / str(os.getpid())).touch()
        return item.upper()

    assert list(share(ITEMS, work)) == [(item, item.upper()) for item in ITEMS]


def test_few_items_are_not_worth_a_copy() -> None:
    assert list(share(["a", "b"], lambda _item: str(os.getpid()))) == [
        ("a", str(os.getpid())),
        ("b", str(os.getpid())),
    ]


def test_nothing_to_do_gives_nothing() -> None:
    assert list(share([], str)) == []


def test_what_a_dead_copy_left_is_done_here() -> None:
    here = os.getpid()

    def work(item: str) -> str:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    assert list(share(ITEMS, work)) == [(item, item) for item in ITEMS]


def test_long_answers_are_cut_and_do_not_mix() -> None:
    answers = dict(share(ITEMS, lambda item: item * 1000))

    assert all(answer == (item * 1000)[: len(answer)] for item, answer in answers.items())
    assert all(len(answer) >= 3000 for answer in answers.values())


def test_stopping_early_leaves_no_process_behind() -> None:
    answers = share(ITEMS, str)
    next(answers)
    answers.close()  # type: ignore[attr-defined]

    assert not _children()


def _children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()
