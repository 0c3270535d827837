"""Pods made by hand: each step is told once, however often the kernel hints at it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rktpy.layout import Layout
from rktpy.pod.events.watching import PodWatchError
from rktpy.pod.lifecycle import make_phase_dirs
from rktpy.pod.phase import Phase
from tests.support.pods import a_pod
from tests.unit.pod.events.watcher import Watcher, prepare, start, status_dir, supervise

QUEUE = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
PHASES = 5


def watch_numbers() -> list[int]:
    infos = [path.read_text() for path in Path("/proc/self/fdinfo").iterdir() if path.exists()]
    lines = [line for info in infos for line in info.splitlines() if line.startswith("inotify")]
    return [int(line.split()[1].removeprefix("wd:"), 16) for line in lines]


def watches() -> int:
    return len(watch_numbers())


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_life_is_told_step_by_step(layout: Layout, aside: Layout, watcher: Watcher) -> None:
    before = open_files()
    pod = prepare(aside, layout)
    watcher.until("preparing")
    pod.move(Phase.RUN)
    process = supervise(pod)
    watcher.until("started")
    assert watches() == PHASES + 2
    (status_dir(pod).parent / "supervisor-status").symlink_to("ready")
    watcher.until("ready")
    (status_dir(pod) / "redis").write_text("7\n")
    watcher.until("redis:exited=7")
    process.communicate(b"\n")
    watcher.until("exited=7")
    assert watches() == PHASES
    pod.move(Phase.EXITED_GARBAGE)
    watcher.until("marked")
    os.rename(pod.path, f"{aside.data}/gone")
    watcher.until("removed")
    assert open_files() == before


def test_what_happens_between_two_looks_is_told(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    pod = prepare(aside, layout)
    pod.move(Phase.PREPARED)
    pod.move(Phase.RUN)
    process = supervise(pod)
    (status_dir(pod) / "redis").write_text("0\n")
    (status_dir(pod).parent / "supervisor-status").symlink_to("ready")
    process.communicate(b"\n")
    pod.move(Phase.EXITED_GARBAGE)

    watcher.until("preparing", "prepared", "started", "redis:exited=0", "ready", "exited=0",
                  "marked")  # fmt: skip


def test_a_pod_that_came_and_went_is_told_by_its_renames(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    with prepare(aside, layout) as pod:
        pod.move(Phase.RUN)
        pod.move(Phase.EXITED_GARBAGE)
        os.rename(pod.path, f"{aside.data}/gone")

    watcher.until("preparing", "exited", "marked", "removed")


def test_a_start_that_fails_before_its_supervisor_is_an_end_only(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    pod = prepare(aside, layout)
    pod.move(Phase.RUN)
    watcher.until("preparing")
    pod.close()

    watcher.until("exited")


def test_a_preparation_that_is_given_up_is_aborted(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    pod = prepare(aside, layout)
    watcher.until("preparing")
    pod.close()
    watcher.until("aborted")
    pod.move(Phase.GARBAGE)
    watcher.until("marked")


def test_a_status_that_is_half_written_is_told_when_it_is_whole(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    """Of what is written through an overlay, older kernels tell only that the file was made."""
    pod, process = start(aside, layout)
    watcher.until("preparing", "started")
    hidden = Path(aside.data, "hidden")
    hidden.touch()
    os.link(hidden, status_dir(pod) / "redis")
    watcher.readiness.wait()
    watcher.readiness.wait()
    assert watcher.told == []
    hidden.write_text("5\n")  # by another name: the directory that is watched is not told

    watcher.until("redis:exited=5")
    process.communicate(b"\n")
    watcher.until("exited=5")


@pytest.mark.usefixtures("hasty")
def test_a_status_that_stays_empty_is_not_waited_for(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    pod, process = start(aside, layout)
    watcher.until("preparing", "started")
    (status_dir(pod) / "redis").touch()
    watcher.rest()

    assert watcher.readiness.patience() is None
    process.communicate(b"\n")
    watcher.until("exited")


@pytest.mark.usefixtures("hasty")
def test_passing_readers_change_nothing(layout: Layout, aside: Layout, watcher: Watcher) -> None:
    pod, process = start(aside, layout)
    watcher.until("preparing", "started")
    for _ in range(100):
        os.close(os.open(pod.path, os.O_RDONLY | os.O_DIRECTORY))
    watcher.rest()
    assert (watcher.told, watcher.readiness.patience()) == ([], None)

    process.communicate(b"\n")
    watcher.until("exited")


@pytest.mark.usefixtures("hasty")
def test_a_lock_that_outlives_the_supervisor_is_waited_for(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    pod = prepare(aside, layout)
    assert pod.lock is not None
    kept = os.dup(pod.lock.fd)
    pod.move(Phase.RUN)
    process = supervise(pod)
    watcher.until("preparing", "started")
    process.communicate(b"\n")
    watcher.rest()
    assert watcher.told == []

    os.close(kept)
    watcher.until("exited")


def test_when_notices_are_dropped_all_pods_are_looked_at(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    running = prepare(aside, layout)
    running.move(Phase.RUN)
    process = supervise(running)
    removed = a_pod(layout, Phase.EXITED_GARBAGE)
    watcher.rest()
    watcher.told.clear()
    flood = [Path(layout.phase_dir(Phase.PREPARE), name) for name in ("one", "other")]
    for path in flood:
        path.mkdir()
    for _ in range(QUEUE // 2 + 1):
        for path in flood:  # in turn, as the kernel tells the same thing once
            os.close(os.open(path, os.O_RDONLY))
    new = prepare(aside, layout)
    os.rename(layout.pod(Phase.EXITED_GARBAGE, removed).root, f"{aside.data}/gone")
    process.communicate(b"\n")
    while not watcher.losses:
        watcher.readiness.wait()
    watcher.rest()

    assert watcher.losses == 1
    assert sorted(watcher.told) == ["exited", "preparing", "removed"]
    new.move(Phase.PREPARED)
    watcher.told.clear()
    watcher.until("prepared")
    new.close()


def test_ended_pods_cost_no_watch_and_no_file(layout: Layout, watcher: Watcher) -> None:
    before = open_files()
    for _ in range(30):
        a_pod(layout, Phase.RUN, units=0)
        a_pod(layout, Phase.EXITED_GARBAGE, units=0)
    watcher.rest()
    ends = [step for step in watcher.told if step == "exited=0"]
    with Watcher(layout).watch as second:
        second.begin()
        assert watches() == 2 * PHASES

    assert (len(ends), watches(), open_files()) == (60, PHASES, before)


def test_who_ended_before_costs_no_watch_even_for_a_moment(layout: Layout, aside: Layout) -> None:
    """Watches are numbered, and a number is not given twice."""
    for _ in range(30):
        a_pod(layout, Phase.RUN, units=0)
    watcher = Watcher(layout)
    with watcher.watch:
        watcher.watch.begin()
        watcher.told.clear()
        with prepare(aside, layout) as pod:
            pod.move(Phase.RUN)
            watcher.until("preparing")

            assert max(watch_numbers()) <= PHASES + 1


def test_directories_may_come_later_and_go(tmp_path: Path, aside: Layout) -> None:
    layout = Layout(str(tmp_path / "later/data"))
    watcher = Watcher(layout)
    with watcher.watch:
        watcher.watch.begin()
        make_phase_dirs(layout)
        with prepare(aside, layout):
            watcher.until("preparing")
        assert watches() == PHASES
        os.rename(layout.data, f"{aside.data}/gone")


def test_who_may_not_read_pods_is_told_so(layout: Layout) -> None:
    os.chmod(layout.phase_dir(Phase.RUN), 0)
    watcher = Watcher(layout)
    with watcher.watch, pytest.raises(PodWatchError, match="permission denied") as caught:
        watcher.watch.begin()
    os.chmod(layout.phase_dir(Phase.RUN), 0o750)

    assert caught.value.hint is not None
    assert "group" in caught.value.hint
