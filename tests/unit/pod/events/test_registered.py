"""What machined knows is told in its place among the steps of a pod, once."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from rktpy.pod.phase import Phase

if TYPE_CHECKING:
    from rktpy.layout import Layout

from tests.unit.pod.events.watcher import Watcher, prepare, start, status_dir


def test_machined_is_told_of_in_its_place_even_if_it_is_heard_late(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    pod, process = start(aside, layout)
    (status_dir(pod) / "redis").write_text("0\n")
    (status_dir(pod).parent / "supervisor-status").symlink_to("ready")
    watcher.register(pod.uuid)
    watcher.until("preparing", "started", "registered", "redis:exited=0", "ready")
    process.communicate(b"\n")
    pod.move(Phase.EXITED_GARBAGE)
    watcher.register(pod.uuid, there=False)
    watcher.until("exited=0", "unregistered", "marked")

    assert watcher.at[:4] == sorted(watcher.at[:4])


def test_what_was_before_a_registration_is_told_before_it(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    """Nobody has looked at what the kernel said of the pod when machined is heard."""
    with prepare(aside, layout) as pod:
        pod.move(Phase.PREPARED)
        pod.move(Phase.RUN)
        watcher.register(pod.uuid)
        watcher.watch.catch_up()

        assert watcher.told == ["preparing", "prepared", "registered"]


def test_a_registration_is_told_once(layout: Layout, aside: Layout, watcher: Watcher) -> None:
    pod, process = start(aside, layout)
    for _ in range(3):
        watcher.register(pod.uuid)
        watcher.watch.catch_up()
    watcher.until("preparing", "started", "registered")
    process.communicate(b"\n")
    watcher.until("exited")


def test_who_machined_lets_go_has_ended_before_if_it_ends_soon(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    pod, process = start(aside, layout)
    watcher.register(pod.uuid)
    watcher.until("preparing", "started", "registered")
    watcher.register(pod.uuid, there=False)
    watcher.watch.catch_up()
    assert watcher.told == []
    process.communicate(b"\n")

    watcher.until("exited", "unregistered")


@pytest.mark.usefixtures("hasty")
def test_who_machined_lets_go_may_live_on(layout: Layout, aside: Layout, watcher: Watcher) -> None:
    pod, process = start(aside, layout)
    watcher.register(pod.uuid)
    watcher.register(pod.uuid, there=False)
    watcher.watch.catch_up()
    watcher.until("preparing", "started", "registered", "unregistered")
    watcher.rest()
    assert watcher.told == []
    process.communicate(b"\n")

    watcher.until("exited")


def test_machined_may_know_a_pod_longer_than_the_disk_does(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    with prepare(aside, layout) as pod:
        pod.move(Phase.RUN)
        watcher.register(pod.uuid)
        watcher.until("preparing", "registered")
    pod.move(Phase.EXITED_GARBAGE)
    os.rename(pod.path, f"{aside.data}/gone")
    watcher.until("exited", "marked", "removed")
    watcher.register(pod.uuid, there=False)
    watcher.watch.catch_up()

    assert watcher.told == ["unregistered"]
    watcher.register(pod.uuid, there=False)
    watcher.watch.catch_up()
    assert watcher.told == ["unregistered"]


def test_a_pod_that_came_and_went_was_registered_all_the_same(
    layout: Layout, aside: Layout, watcher: Watcher
) -> None:
    with prepare(aside, layout) as pod:
        pod.move(Phase.RUN)
        pod.move(Phase.EXITED_GARBAGE)
        os.rename(pod.path, f"{aside.data}/gone")
    watcher.register(pod.uuid)
    watcher.register(pod.uuid, there=False)

    watcher.until("preparing", "registered", "exited", "unregistered", "marked", "removed")


@pytest.mark.parametrize("name", ["0f746094-3438-42bc-ab37-3cf85f132e60", "../run", ""])
def test_machines_that_are_no_pods_of_ours_are_nobodys(watcher: Watcher, name: str) -> None:
    watcher.register(name)
    watcher.watch.catch_up()
    watcher.register(name, there=False)
    watcher.watch.catch_up()

    assert watcher.told == []


def test_what_machined_knew_before_is_a_part_of_what_was_before(
    layout: Layout, aside: Layout
) -> None:
    pod, process = start(aside, layout)
    (status_dir(pod).parent / "supervisor-status").symlink_to("ready")
    watcher = Watcher(layout)
    at = time.time_ns() - 3_600_000_000_000
    with watcher.watch:
        watcher.register(pod.uuid, at=at)
        watcher.watch.begin()
        watcher.until("preparing", "started", "registered", "ready")
        process.communicate(b"\n")
        watcher.until("exited")

    assert watcher.at[2] == at
