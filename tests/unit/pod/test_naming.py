"""Names of pods: what may be one, who has it, when it is free again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rktpy.layout import Layout
from rktpy.pod.after.sweep import delete
from rktpy.pod.lifecycle import Pod, PodNotFoundError, create, open_pod
from rktpy.pod.naming import NameTakenError, PodNameError, check_name, claim, names, release
from rktpy.pod.phase import Phase
from tests.support.pods import a_pod

UUID = "dead6094-3438-42bc-ab37-3cf85f132e60"
OTHER = "beef6094-3438-42bc-ab37-3cf85f132e60"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(f"{tmp_path}/data")


def called(layout: Layout, name: str, phase: str = Phase.RUN, uuid: str | None = None) -> Pod:
    pod = Pod(layout, phase, a_pod(layout, phase, uuid=uuid))
    claim(pod, name)
    return pod


@pytest.mark.parametrize("name", ["web", "a", "Web-1.2_b", "cafe", "0f746094x", "9" * 7, "z" * 64])
def test_letters_digits_and_three_marks_make_a_name(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", "-a", ".a", "_a", "a b", "a/b", "a:b", "..", "ü", "a\n", "z" * 65]
)
def test_anything_else_makes_none(name: str) -> None:
    with pytest.raises(PodNameError, match="invalid pod name"):
        check_name(name)


@pytest.mark.parametrize("name", [UUID, "dead6094", "DEAD6094", "dead6094-34"])
def test_what_list_prints_of_a_uuid_cannot_be_a_name(name: str) -> None:
    with pytest.raises(PodNameError, match="looks like a UUID"):
        check_name(name)


@pytest.mark.parametrize("phase", [Phase.PREPARE, Phase.PREPARED, Phase.RUN, Phase.EXITED_GARBAGE])
def test_a_name_leads_to_its_pod_wherever_that_is(layout: Layout, phase: str) -> None:
    pod = called(layout, "web", phase)

    assert open_pod(layout, "web").path == pod.path


def test_a_name_is_preferred_to_the_beginning_of_a_uuid(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)
    called(layout, "dead", uuid=OTHER)

    assert open_pod(layout, "dead").uuid == OTHER
    assert open_pod(layout, "DEAD").uuid == UUID
    assert open_pod(layout, "dead6").uuid == UUID


def test_a_whole_uuid_is_never_taken_for_a_name(layout: Layout) -> None:
    a_pod(layout, uuid=OTHER)
    os.makedirs(layout.names)
    os.symlink(OTHER, f"{layout.names}/{UUID}")

    with pytest.raises(PodNotFoundError):
        open_pod(layout, UUID)


@pytest.mark.parametrize("phase", [Phase.PREPARED, Phase.RUN, Phase.EXITED_GARBAGE])
def test_a_name_that_a_pod_has_is_refused(layout: Layout, phase: str) -> None:
    first = called(layout, "web", phase)

    with pytest.raises(NameTakenError, match=f'the name "web" belongs to pod "{first.uuid}"'):
        called(layout, "web")

    assert open_pod(layout, "web").uuid == first.uuid


def test_deleting_a_pod_frees_its_name(layout: Layout) -> None:
    pod = called(layout, "web", Phase.EXITED_GARBAGE)

    delete(pod, (), lambda _pod: None)

    assert names(layout) == {}
    assert called(layout, "web").uuid == open_pod(layout, "web").uuid


def test_a_pod_that_lost_the_race_for_a_name_does_not_free_it(layout: Layout) -> None:
    first = called(layout, "web")
    with create(layout) as late, pytest.raises(NameTakenError):
        claim(late, "web")

    release(late)

    assert names(layout) == {"web": first.uuid}


@pytest.mark.parametrize("left", [UUID, "", "../../etc"])
def test_a_link_without_its_pod_names_nothing_and_can_be_taken_over(
    layout: Layout, left: str
) -> None:
    pod = Pod(layout, Phase.RUN, a_pod(layout, uuid=OTHER))
    os.makedirs(layout.names)
    os.symlink(left or "x", f"{layout.names}/web")
    with pytest.raises(PodNotFoundError, match='no matches found for "web"'):
        open_pod(layout, "web")

    claim(pod, "web")

    assert open_pod(layout, "web").uuid == OTHER


def test_a_pod_being_deleted_gives_its_name_away(layout: Layout) -> None:
    called(layout, "web", Phase.GARBAGE, uuid=UUID)

    assert called(layout, "web", uuid=OTHER).uuid == open_pod(layout, "web").uuid


def test_a_name_that_a_power_cut_took_from_the_pod_goes_with_it(layout: Layout) -> None:
    pod = called(layout, "web", uuid=UUID)
    called(layout, "db", uuid=OTHER)
    Path(pod.tree.name).write_text("")

    release(pod)

    assert names(layout) == {"db": OTHER}


def test_of_many_at_once_one_gets_the_name(layout: Layout) -> None:
    pods = [Pod(layout, Phase.RUN, a_pod(layout)) for _ in range(12)]
    children = []
    for pod in pods:
        child = os.fork()
        if child == 0:
            try:
                claim(pod, "web")
            except NameTakenError:
                os._exit(1)
            os._exit(0)
        children.append(child)

    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

    assert sorted(statuses) == [0] + [1] * 11
    assert open_pod(layout, "web").uuid == pods[statuses.index(0)].uuid
