"""gc killed at every step: the next one finishes, and knows all that is there."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.pod.lifecycle import create, open_pod
from rktpy.pod.phase import ALL_PHASES, Phase
from tests.integration.pod.sweeping import (
    EVERYTHING,
    HOUR,
    die_at,
    gc,
    in_child,
    link_journal,
)
from tests.integration.run.rk import until
from tests.support.pods import a_pod, phases_of

if TYPE_CHECKING:
    from rktpy.layout import Layout
    from rktpy.verbs.site import Site


@pytest.mark.parametrize("phase", [Phase.RUN, Phase.PREPARE, Phase.PREPARED])
def test_gc_killed_at_any_step_is_finished_by_the_next(site: Site, phase: str) -> None:
    for step in range(500):
        uuid = a_pod(site.layout, phase)
        done = die_at(step, lambda: gc(site))
        _check_order(site.layout, uuid)
        gc(site)
        assert phases_of(site.layout) == {}
        if done:
            break

    assert done
    assert step > 20


def _check_order(layout: Layout, uuid: str) -> None:
    """A pod keeps its manifest to the last, and its other files while it has a root."""
    for phase in ALL_PHASES:
        root = Path(layout.pod(phase, uuid).root)
        names = set(os.listdir(root)) if root.exists() else set()
        assert not names or "pod" in names
        if (root / "stage1/rootfs").exists() or "overlay" in names:
            assert names >= {"pod-created", "overlay-prepared", "stage1TreeStoreID"}


def test_creation_killed_at_any_step_is_collected(site: Site) -> None:
    def start() -> None:
        with create(site.layout) as pod:
            pod.move(Phase.RUN)

    for step in range(50):
        done = die_at(step, start)
        gc(site)
        assert phases_of(site.layout) == {}
        if done:
            break

    assert done
    assert step >= 3


def test_killing_gc_ends_its_copies_and_the_next_one_finishes(site: Site) -> None:
    for _ in range(60):
        a_pod(site.layout, units=40)
    held = [open_pod(site.layout, a_pod(site.layout, Phase.EXITED_GARBAGE)) for _ in range(4)]
    for pod in held:  # one for each process, which so cannot end by having finished
        pod.acquire(wait=False)
    child = in_child(lambda: gc(site))
    copies: list[str] = []
    while len(copies) < 3:
        copies = Path(f"/proc/{child}/task/{child}/children").read_text().split()
    while len(phases_of(site.layout)["exited-garbage"]) > 54:
        time.sleep(0.001)  # until all of them are at work
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    until(lambda: not any(_alive(pid) for pid in copies), "end of the copies")
    for pod in held:
        pod.close()
    gc(site)
    assert phases_of(site.layout) == {}


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_marking_killed_at_any_step_leaves_a_link_that_the_next_gc_finds(
    site: Site, journals: Path
) -> None:
    within_grace = EVERYTHING.replace(grace_period=HOUR)
    for step in range(100):
        uuid = a_pod(site.layout)
        link = link_journal(site, uuid, journals)
        done = die_at(step, lambda: gc(site, EVERYTHING.replace(mark_only=True)))
        gc(site, within_grace)
        assert f"/{Phase.EXITED_GARBAGE}/" in os.readlink(link)
        gc(site)
        assert os.listdir(journals) == []
        if done:
            break

    assert done
