"""Making, finding and moving pods; locks are real, root is not needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rktpy.layout import Layout
from rktpy.pod.lifecycle import (
    AmbiguousUuidError,
    EmptyUuidError,
    Pod,
    PodBusyError,
    PodCreateError,
    PodGoneError,
    PodMoveError,
    PodNotFoundError,
    create,
    open_pod,
    pods,
)
from rktpy.pod.phase import Phase
from tests.support.pods import a_pod, phases_of

UUID = "0f746094-3438-42bc-ab37-3cf85f132e60"
OTHER = "0f7ab094-3438-42bc-ab37-3cf85f132e60"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(f"{tmp_path}/data")


def test_a_new_pod_is_preparing_until_its_maker_lets_go(layout: Layout) -> None:
    with create(layout) as pod:
        seen = open_pod(layout, pod.uuid)
        assert seen.state() == "preparing"
        assert os.stat(pod.path).st_mode & 0o777 == 0o750

    assert seen.state() == "aborted prepare"


def test_a_pod_keeps_its_lock_while_it_moves(layout: Layout) -> None:
    with create(layout) as pod:
        pod.move(Phase.RUN)
        assert open_pod(layout, pod.uuid).state() == "running"

    assert open_pod(layout, pod.uuid).state() == "exited"


def test_preparing_ends_in_prepared_without_a_lock(layout: Layout) -> None:
    with create(layout) as pod:
        Path(pod.tree.manifest).write_text("{}")
        pod.move(Phase.PREPARED)

    assert phases_of(layout) == {"prepared": [pod.uuid]}
    assert pod.state() == "prepared"


def test_a_pod_cannot_go_back(layout: Layout) -> None:
    with create(layout) as pod, pytest.raises(ValueError, match="does not go"):
        pod.move(Phase.EMBRYO)


def test_an_unusable_data_directory_is_an_error_with_its_cause(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(PodCreateError, match="error creating new pod") as caught:
        create(Layout(f"{tmp_path}/file"))

    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("text", [UUID, "0f74", "0", "0F746094-3438-42BC-AB37-3CF85F132E60"])
def test_a_prefix_in_any_case_finds_the_pod(layout: Layout, text: str) -> None:
    a_pod(layout, uuid=UUID)

    assert open_pod(layout, text).uuid == UUID


def test_an_empty_uuid_is_refused(layout: Layout) -> None:
    with pytest.raises(EmptyUuidError, match=r"^UUID cannot be empty$"):
        open_pod(layout, "")


@pytest.mark.parametrize("text", [UUID.upper(), "ABC", "../run"])
def test_an_unknown_uuid_is_named_in_lower_case(layout: Layout, text: str) -> None:
    a_pod(layout, uuid=OTHER)

    with pytest.raises(PodNotFoundError, match=f'^no matches found for "{text.lower()}"$'):
        open_pod(layout, text)


def test_a_prefix_of_two_pods_is_ambiguous(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)
    a_pod(layout, Phase.PREPARED, uuid=OTHER)

    with pytest.raises(AmbiguousUuidError, match=r"^ambiguous uuid, 2 matches$"):
        open_pod(layout, "0f7")


@pytest.mark.parametrize("phase", [Phase.EMBRYO, Phase.GARBAGE])
def test_what_is_no_pod_any_more_cannot_be_named(layout: Layout, phase: str) -> None:
    a_pod(layout, phase, uuid=UUID)

    with pytest.raises(PodNotFoundError):
        open_pod(layout, UUID)
    with pytest.raises(PodNotFoundError):
        open_pod(layout, "0f")


def test_pods_come_sorted_and_strange_names_are_told(layout: Layout) -> None:
    a_pod(layout, Phase.PREPARED, uuid=OTHER)
    a_pod(layout, Phase.RUN, uuid=UUID)
    Path(layout.phase_dir(Phase.RUN), "lost+found").mkdir()
    odd: list[str] = []

    assert [pod.uuid for pod in pods(layout, odd=odd.append)] == [UUID, OTHER]
    assert odd == ["lost+found"]


def test_a_pod_seen_in_two_phases_is_listed_where_it_went(layout: Layout) -> None:
    a_pod(layout, Phase.RUN, uuid=UUID)
    a_pod(layout, Phase.EXITED_GARBAGE, uuid=UUID)

    assert [pod.phase for pod in pods(layout)] == [Phase.EXITED_GARBAGE]


def test_a_pod_that_was_moved_is_followed(layout: Layout) -> None:
    seen = open_pod(layout, a_pod(layout))
    Pod(layout, Phase.RUN, seen.uuid).move(Phase.EXITED_GARBAGE)

    assert seen.state() == "exited garbage"


def test_a_pod_that_vanished_is_gone(layout: Layout) -> None:
    seen = open_pod(layout, a_pod(layout))
    os.rename(seen.path, f"{layout.data}/elsewhere")

    with pytest.raises(PodGoneError, match=f'pod "{seen.uuid}" was not present'):
        seen.state()


def test_the_loser_of_a_rename_race_learns_that_the_pod_is_gone(layout: Layout) -> None:
    winner = open_pod(layout, a_pod(layout))
    loser = open_pod(layout, winner.uuid)
    winner.move(Phase.EXITED_GARBAGE)

    with pytest.raises(PodGoneError):
        loser.move(Phase.EXITED_GARBAGE)


def test_a_rename_onto_something_is_an_error(layout: Layout) -> None:
    uuid = a_pod(layout)
    a_pod(layout, Phase.EXITED_GARBAGE, uuid=uuid)

    with pytest.raises(PodMoveError) as caught:
        Pod(layout, Phase.RUN, uuid).move(Phase.EXITED_GARBAGE)

    assert isinstance(caught.value.__cause__, OSError)


def test_a_held_pod_cannot_be_acquired_without_waiting(layout: Layout) -> None:
    uuid = a_pod(layout, Phase.PREPARED)
    with open_pod(layout, uuid) as holder:
        holder.acquire(wait=False)
        with pytest.raises(PodBusyError):
            open_pod(layout, uuid).acquire(wait=False)


def test_the_manifest_of_a_pod_that_was_moved_is_read(layout: Layout) -> None:
    uuid = a_pod(layout)
    pod = open_pod(layout, uuid)
    os.rename(pod.path, layout.pod(Phase.EXITED_GARBAGE, uuid).root)

    assert [str(app.name) for app in pod.manifest().apps] == ["redis"]


def test_the_manifest_of_a_pod_that_is_gone_or_has_none_is_not(layout: Layout) -> None:
    pods_there = [open_pod(layout, a_pod(layout)) for _ in range(2)]
    os.unlink(pods_there[0].tree.manifest)
    os.rename(pods_there[1].path, f"{layout.data}/elsewhere")

    with pytest.raises(FileNotFoundError):
        pods_there[0].manifest()
    with pytest.raises(PodGoneError):
        pods_there[1].manifest()
