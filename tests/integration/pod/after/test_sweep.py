"""gc and rm: what they take and what they leave, against each other and against those who start."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from rktpy.pod.after import sweep
from rktpy.pod.lifecycle import PodGoneError, create, open_pod
from rktpy.pod.names import new_uuid
from rktpy.pod.phase import ALL_PHASES, Phase
from rktpy.verbs.gc import GcRequest
from rktpy.verbs.network.leaving import leave_networks
from rktpy.verbs.rm import remove_pods
from tests.integration.pod.sweeping import EVERYTHING, HOUR, ends_well, gc, in_child, rm
from tests.support.pods import STAGE1_ID, a_pod, phases_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rktpy.verbs.site import Site


def test_gc_takes_every_state_to_its_end(site: Site) -> None:
    for phase in ALL_PHASES:
        if phase != Phase.EMBRYO:
            a_pod(site.layout, phase)
    os.mkdir(f"{site.layout.pods}/embryo/{new_uuid()}")

    gc(site)

    assert phases_of(site.layout) == {}


def test_marking_only_moves(site: Site) -> None:
    exited, aborted = a_pod(site.layout), a_pod(site.layout, Phase.PREPARE)
    prepared, embryo = a_pod(site.layout, Phase.PREPARED), new_uuid()
    os.mkdir(f"{site.layout.pods}/embryo/{embryo}")

    events = gc(site, EVERYTHING.replace(mark_only=True))

    assert events == [("moved-exited", exited), ("moved-aborted", aborted)]
    assert phases_of(site.layout) == {
        "embryo": [embryo],
        "exited-garbage": [exited],
        "garbage": [aborted],
        "prepared": [prepared],
    }


def test_a_pod_waits_a_whole_grace_period_after_the_mark(site: Site) -> None:
    uuid = a_pod(site.layout)
    os.utime(site.layout.pod(Phase.RUN, uuid).root, (0, 0))  # it exited in 1970

    assert gc(site, GcRequest(HOUR, HOUR)) == [("moved-exited", uuid), ("within-grace", uuid)]
    assert gc(site, GcRequest(HOUR, HOUR)) == [("within-grace", uuid)]
    assert gc(site) == [("collecting", uuid)]


def test_the_grace_period_counts_from_the_end_where_that_is_known(site: Site) -> None:
    ended, killed = a_pod(site.layout), a_pod(site.layout, status=None)
    upper = site.layout.pod(Phase.RUN, ended).overlay_upper(STAGE1_ID)
    long_ago = time.time_ns() - 2 * HOUR
    os.utime(f"{upper}/rkt/status/redis", ns=(long_ago, long_ago))
    events = gc(site, GcRequest(HOUR, HOUR))

    assert sorted(events) == sorted(
        [("moved-exited", ended), ("moved-exited", killed), ("within-grace", killed),
         ("collecting", ended)]
    )  # fmt: skip
    assert gc(site, GcRequest(HOUR, HOUR)) == [("within-grace", killed)]


def test_the_mark_notes_that_a_pod_of_an_earlier_boot_ended_before_this_one(site: Site) -> None:
    killed, now = a_pod(site.layout, status=None), a_pod(site.layout, status=None)
    os.utime(site.layout.pod(Phase.RUN, killed).ppid, (1, 1))
    gc(site, EVERYTHING.replace(mark_only=True))
    marked = site.layout.phase_dir(Phase.EXITED_GARBAGE)

    assert os.path.exists(f"{marked}/{killed}/pod-ended")
    assert not os.path.exists(f"{marked}/{now}/pod-ended")


def test_prepared_pods_expire(site: Site) -> None:
    uuid = a_pod(site.layout, Phase.PREPARED)

    assert gc(site, GcRequest(0, HOUR)) == []
    assert gc(site) == [("moved-expired", uuid), ("collecting", uuid)]


def test_running_and_preparing_pods_are_left_alone(site: Site) -> None:
    running = open_pod(site.layout, a_pod(site.layout))
    running.acquire(wait=False)
    with running, create(site.layout) as preparing:
        assert gc(site) == []
        events = list(remove_pods(site, [running.uuid, preparing.uuid]))

    assert [str(event.error) for event in events] == [
        f'pod "{running.uuid}" is currently running',
        f'pod "{preparing.uuid}" is currently being prepared',
    ]


def test_rm_deletes_what_it_is_told_and_nothing_else(site: Site) -> None:
    doomed = [a_pod(site.layout, phase) for phase in (Phase.RUN, Phase.PREPARED, Phase.PREPARE)]
    doomed.append(a_pod(site.layout, Phase.EXITED_GARBAGE))
    kept = a_pod(site.layout)

    events = rm(site, *doomed)

    assert [event for event in events if event[0] == "removed"] == [("removed", u) for u in doomed]
    assert phases_of(site.layout) == {"run": [kept]}


def test_rm_can_be_told_not_to_mind_what_is_not_there(site: Site) -> None:
    uuid = a_pod(site.layout)
    running = open_pod(site.layout, a_pod(site.layout))
    running.acquire(wait=False)

    with running:
        found = list(remove_pods(site, ["nope", uuid, running.uuid], ignore_missing=True))

    assert [(event.kind, event.uuid) for event in found] == [
        ("failed", running.uuid),
        ("removed", uuid),
    ]


def test_rm_goes_on_after_a_failure_and_counts_a_pod_once(site: Site) -> None:
    uuid = a_pod(site.layout)

    assert rm(site, "", "nope", uuid, uuid[:8]) == [
        ("failed", ""),
        ("failed", "nope"),
        ("removed", uuid),
    ]


def test_a_pod_that_was_not_marked_is_not_deleted(site: Site) -> None:
    uuid = a_pod(site.layout)

    with pytest.raises(sweep.NotGarbageError, match="non-garbage pod"):
        sweep.delete(open_pod(site.layout, uuid), (), leave_networks)


def test_many_collectors_at_once_leave_nothing_and_fail_nowhere(site: Site) -> None:
    uuids = [a_pod(site.layout, units=20) for _ in range(30)]

    def no_failures(events: list[tuple[str, str]]) -> None:
        assert "failed" not in {kind for kind, _ in events}

    children = [in_child(lambda: no_failures(gc(site))) for _ in range(4)]
    children.append(in_child(lambda: rm(site, *uuids)))

    assert [ends_well(child) for child in children] == [True] * 5
    assert phases_of(site.layout) == {}


def test_pods_are_created_while_embryos_are_collected(site: Site) -> None:
    def collect_embryos() -> None:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            sweep.sweep_embryos(site.layout)

    def create_some() -> None:
        for _ in range(200):
            with create(site.layout) as pod:
                pod.move(Phase.RUN)

    children = [in_child(collect_embryos), in_child(create_some), in_child(create_some)]

    assert all(map(ends_well, children))
    assert {phase: len(names) for phase, names in phases_of(site.layout).items()} == {"run": 400}


def test_of_gc_and_the_start_of_a_prepared_pod_one_wins(site: Site) -> None:
    def start(uuid: str) -> None:
        try:
            with open_pod(site.layout, uuid) as pod:
                pod.acquire(wait=False)
                pod.move(Phase.RUN)
        except PodGoneError:
            os._exit(3)

    for _ in range(20):
        uuid = a_pod(site.layout, Phase.PREPARED, units=0)
        starter = in_child(lambda uuid=uuid: start(uuid))  # type: ignore[misc]
        gc(site, GcRequest(HOUR, 0))
        status = os.waitstatus_to_exitcode(os.waitpid(starter, 0)[1])
        found = phases_of(site.layout)
        assert found in ({"run": [uuid]}, {"exited-garbage": [uuid]}, {})
        assert status in ((0,) if found else (1, 3))
        gc(site)


def test_deleting_waits_for_who_holds_the_pod(site: Site, tmp_path: Path) -> None:
    uuid = a_pod(site.layout, Phase.EXITED_GARBAGE)
    child = in_child(lambda: _when((tmp_path / "held").exists, lambda: gc(site)))
    with open_pod(site.layout, uuid) as holder:  # after the fork: a copy of the lock would hold too
        holder.acquire(wait=False)
        (tmp_path / "held").touch()
        time.sleep(0.2)
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        assert open_pod(site.layout, uuid).state() == "exited deleting"

    assert ends_well(child)
    assert phases_of(site.layout) == {}


def _when(condition: Callable[[], bool], work: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.005)
    work()


def test_listing_and_deleting_do_not_disturb_each_other(site: Site) -> None:
    from rktpy.verbs.report.list import list_pods

    for _ in range(40):
        a_pod(site.layout)
    child = in_child(lambda: gc(site))
    problems: list[str] = []
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        for _pod, record in list_pods(site, odd=problems.append):
            problems += [str(problem) for problem in record.problems]

    assert problems == []


def test_a_reader_does_not_keep_anybody_from_starting_a_pod(site: Site) -> None:
    uuid = a_pod(site.layout, Phase.PREPARED)
    readers = [os.open(open_pod(site.layout, uuid).path, os.O_RDONLY)]
    fcntl.flock(readers[0], fcntl.LOCK_SH)

    def passing(event: str, _args: tuple[object, ...]) -> None:
        """Let go when the pod is asked for the second time: no clock decides."""
        if event == "fcntl.flock" and asked:
            asked.pop()
            if not asked:
                os.close(readers.pop())

    asked = ["once", "again"]
    sys.addaudithook(passing)
    with open_pod(site.layout, uuid) as pod:
        pod.acquire(wait=False)

    assert readers == []
