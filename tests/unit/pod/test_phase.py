"""The state table of rkt-cli 5.1."""

from __future__ import annotations

import pytest

from rktpy.pod.names import is_uuid, new_uuid
from rktpy.pod.phase import ALL_PHASES, MOVES, Phase, after_run, asks_lock, state_of

TABLE = [
    (Phase.EMBRYO, "embryo", "embryo"),
    (Phase.PREPARE, "aborted prepare", "preparing"),
    (Phase.PREPARED, "prepared", "prepared"),
    (Phase.RUN, "exited", "running"),
    (Phase.EXITED_GARBAGE, "exited garbage", "exited deleting"),
    (Phase.GARBAGE, "garbage", "deleting"),
]


@pytest.mark.parametrize(("phase", "free", "held"), TABLE)
def test_directory_and_lock_decide_the_state(phase: str, free: str, held: str) -> None:
    assert state_of(phase, locked=False) == free
    assert state_of(phase, locked=True) == held
    assert asks_lock(phase) == (free != held)


def test_a_pod_has_run_once_it_left_running() -> None:
    states = {state_of(phase, locked=locked) for phase in ALL_PHASES for locked in (False, True)}

    assert {state for state in states if after_run(state)} == {
        "exited", "exited garbage", "exited deleting", "garbage", "deleting",
    }  # fmt: skip


def test_pods_only_move_forward() -> None:
    order = list(ALL_PHASES)

    assert all(order.index(to) > order.index(start) for start in MOVES for to in MOVES[start])


def test_new_uuids_are_version_four_and_differ() -> None:
    made = {new_uuid() for _ in range(100)}

    assert len(made) == 100
    assert all(is_uuid(text) and text[14] == "4" and text[19] in "89ab" for text in made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0f746094-3438-42bc-ab37-3cf85f132e6",
        "0F746094-3438-42bc-ab37-3cf85f132e60",
        "0f746094-3438-42bc-ab37-3cf85f132eg0",
        "0f7460943438-42bc-ab37-3cf85f132e600",
        "0f746094-3438-42bc-ab37-3cf85f1 2e60",
        "0f746094-3438-42bc-ab37-3cf85f1_2e60",
        "0f746094-34-8-42bc-ab37-3cf85f132e60",
        "../../../../../../../../etc/passwd/x",
    ],
)
def test_only_the_canonical_form_is_a_uuid(text: str) -> None:
    assert not is_uuid(text)
