"""A pod's story is the same however often, and however late, somebody looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.pod.events.story import AppEnd, Event, Facts, Sight, Story, pod_status
from rktpy.pod.phase import Phase

UUID = "0f746094-3438-42bc-ab37-3cf85f132e60"
WEB = Facts("web", (("tier", "front"),), ("app", "helper"))
NONE = (AppEnd("app"), AppEnd("helper"))
ONE = (AppEnd("app", 3, 60), AppEnd("helper"))
BOTH = (AppEnd("app", 3, 60), AppEnd("helper", 0, 70))


def at(now: int, phase: str, **more: object) -> Sight:
    return Sight(now=now, phases=(phase,), **more)  # type: ignore[arg-type]


def running(now: int, **more: object) -> Sight:
    return at(now, Phase.RUN, locked=True, created=20, facts=WEB, **more)


PREPARING = [at(10, Phase.PREPARE, locked=True), at(20, Phase.PREPARE, locked=True, created=20)]
PREPARED = [at(25, Phase.PREPARED, created=20, facts=WEB)]
RUNNING = [
    running(30),
    running(40, started=40, apps=NONE),
    running(50, started=40, apps=NONE, ready=50),
    running(60, started=40, apps=ONE, ready=50),
    running(70, started=40, apps=BOTH, ready=50),
]
KNOWN = {"created": 20, "started": 40, "ready": 50, "apps": BOTH, "facts": WEB}
ENDED = [at(80, Phase.RUN, **KNOWN)]
MARKED = [
    at(90, Phase.EXITED_GARBAGE, changed=90, **KNOWN),
    at(95, Phase.EXITED_GARBAGE, locked=True, changed=90, created=20, facts=WEB),  # being deleted
]
GARBAGE = [at(90, Phase.GARBAGE, changed=90)]
GONE = [Sight(now=100, gone=True)]

LIVES = {
    "run": PREPARING + RUNNING + ENDED + MARKED + GONE,
    "prepared": PREPARING + PREPARED + RUNNING + ENDED + MARKED + GONE,
    "expired": PREPARING + PREPARED + GARBAGE + GONE,
    "aborted": [*PREPARING[:1], at(15, Phase.PREPARE), *GARBAGE, *GONE],
    "not started": [*PREPARING, running(30), at(31, Phase.RUN, created=20), *MARKED[1:], *GONE],
}
TOLD = {
    "run": "preparing started ready app:exited=3 helper:exited=0 exited=3 marked removed",
    "prepared": "preparing prepared started ready app:exited=3 helper:exited=0 exited=3 marked"
    " removed",
    "expired": "preparing prepared marked removed",
    "aborted": "preparing aborted marked removed",
    "not started": "preparing exited marked removed",
}


def short(event: Event) -> str:
    app = f"{event.app}:" if event.app else ""
    return app + event.step + ("" if event.status is None else f"={event.status}")


def told(life: list[Sight], looks: set[int]) -> list[Event]:
    """Return what is told by who sees the moments ``looks``, and every rename in between."""
    story, found = Story(UUID), list[Event]()
    passed: list[str] = []
    for number, sight in enumerate(life):
        passed += [phase for phase in sight.phases if phase not in passed[-1:]]
        if number in looks:
            found += story.tell(sight.replace(phases=tuple(passed)))
            passed = [] if sight.gone else passed[-1:]
    return found


@pytest.mark.parametrize("name", LIVES)
def test_who_looks_all_the_time_sees_each_step(name: str) -> None:
    life = LIVES[name]

    assert [short(event) for event in told(life, set(range(len(life))))] == TOLD[name].split()


@pytest.mark.parametrize("name", LIVES)
@given(data=st.data())
def test_who_looks_now_and_then_tells_no_step_twice_and_none_in_the_wrong_place(
    name: str, data: st.DataObject
) -> None:
    life = LIVES[name]
    looks = data.draw(st.sets(st.integers(0, len(life) - 1)))
    steps = [short(event).partition("=")[0] for event in told(life, looks)]
    order = [word.partition("=")[0] for word in TOLD[name].split()]

    assert len(set(steps)) == len(steps)
    assert [order.index(step) for step in steps] == sorted(order.index(step) for step in steps)


@pytest.mark.parametrize("name", LIVES)
@given(data=st.data())
def test_who_looks_at_what_was_left_tells_all(name: str, data: st.DataObject) -> None:
    """That is once between the end and the deletion."""
    life = LIVES[name]
    left = max(n for n, sight in enumerate(life) if not sight.gone and sight != MARKED[1])
    looks = data.draw(st.sets(st.integers(0, len(life) - 1))) | {left, len(life) - 1}

    assert sorted(short(event) for event in told(life, looks)) == sorted(TOLD[name].split())


def test_a_pod_that_nobody_saw_is_told_by_its_renames() -> None:
    phases = (Phase.PREPARE, Phase.RUN, Phase.EXITED_GARBAGE)
    found = Story(UUID).tell(Sight(now=9, phases=phases, gone=True))

    assert [short(event) for event in found] == ["preparing", "exited", "marked", "removed"]


def test_an_embryo_has_no_story() -> None:
    assert Story(UUID).tell(Sight(now=9, gone=True)) == []


def test_a_pod_that_was_marked_before_is_not_known_to_have_been_prepared() -> None:
    assert [short(event) for event in Story(UUID).tell(GARBAGE[0])] == ["marked"]


def test_a_running_pod_that_vanishes_has_ended() -> None:
    found = told([*RUNNING, *GONE], {3, 5})

    assert [short(event) for event in found][-3:] == ["app:exited=3", "exited", "removed"]


def test_what_outlives_its_supervisor_is_not_told() -> None:
    story = Story(UUID)
    story.tell(RUNNING[2])
    killed = story.tell(at(55, Phase.RUN, started=40, ready=50, apps=NONE))
    later = story.tell(at(70, Phase.RUN, started=40, ready=50, apps=BOTH))

    assert ([short(event) for event in killed], later) == (["exited"], [])


def test_times_are_those_on_disk_where_there_are_some() -> None:
    life = LIVES["prepared"]
    found = told(life, {0, 2, 8, 9, len(life) - 1})

    assert [(event.step, event.at, event.recorded) for event in found] == [
        ("preparing", 10, False), ("prepared", 25, False), ("started", 40, True),
        ("ready", 50, True), ("exited", 60, True), ("exited", 70, True), ("exited", 80, False),
        ("marked", 90, True), ("removed", 100, False),
    ]  # fmt: skip


def test_names_and_labels_stay_known_when_the_files_are_gone() -> None:
    found = told(LIVES["run"], set(range(len(LIVES["run"]))))

    assert {(event.name, event.labels) for event in found[1:]} == {("web", (("tier", "front"),))}


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ([], None),
        ([0], 0),
        ([0, None], None),
        ([5, None], None),
        ([0, 7], 7),
        ([9, 7], 9),
    ],
)
def test_a_pods_status_is_that_of_the_first_app_that_failed(
    statuses: list[int | None], status: int | None
) -> None:
    ends = [AppEnd(f"app{n}", s, n + 1) for n, s in enumerate(statuses)]

    assert pod_status(tuple(ends)) == status
    assert pod_status(tuple(reversed(ends))) == status
