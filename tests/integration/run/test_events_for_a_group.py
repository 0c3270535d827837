"""``events`` of who is no root, but in the group of the pods' directories."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.pod.lifecycle import make_phase_dirs
from tests.integration.run.images import SHELL
from tests.support.listening import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.run.rk import Rktpy

from tests.integration.run.test_events import POD_EVENTS

GROUP = 4242


@pytest.fixture
def member(rkt: Rktpy) -> Iterator[Callable[[], tuple[str, ...]]]:
    """Gives the directories of pods to a group, and says how to run something as a member."""
    make_phase_dirs(Layout(str(rkt.data)))
    names = rkt.data / "names"  # of an earlier test, or made in a directory that is the group's
    of_group = [rkt.data, rkt.data / "pods", *(rkt.data / "pods").iterdir()]
    paths = [*of_group, *([names] if names.exists() else []), *rkt.data.parents[:-1]]
    before = [(path, path.stat()) for path in paths]

    def give() -> tuple[str, ...]:
        for path, was in before:
            if path.is_relative_to(rkt.data):
                os.chown(path, 0, GROUP)
            path.chmod(was.st_mode | (0o2050 if path.is_relative_to(rkt.data) else 0o1))
        return ("setpriv", "--reuid=65534", f"--regid={GROUP}", "--clear-groups")

    yield give
    for path, was in before:
        os.chown(path, was.st_uid, was.st_gid)
        path.chmod(was.st_mode)


def test_who_is_in_the_group_of_the_pods_hears_all_of_them(
    rkt: Rktpy, member: Callable[[], tuple[str, ...]]
) -> None:
    who = member()
    with Listener((*who, *rkt.argv(*POD_EVENTS))) as listener:
        with rkt.start("run", "--pod-name=web", SHELL, "--", "exit 7") as pod:
            uuid = pod.uuid
            pod.end()
        status = subprocess.run((*who, *rkt.argv("status", "web")), capture_output=True, text=True)
        rkt.ok("rm", "web")
        told = listener.of(uuid, "removed")
        listener.end()
        assert listener.err() == ""

    assert "app-shell=7" in status.stdout.splitlines()
    assert sorted(told) == sorted(
        ["preparing", "started", "ready", "shell:exited=7", "exited=7", "marked", "removed"]
    )


def test_a_pod_whose_statuses_may_not_be_read_ends_all_the_same(
    rkt: Rktpy, member: Callable[[], tuple[str, ...]]
) -> None:
    """As those of pods that were made before their directories had a group."""
    with rkt.start("run", SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        who = member()
        os.chown(rkt.data / "pods/run" / uuid, 0, GROUP)
        with Listener((*who, *rkt.argv(*POD_EVENTS))) as listener:
            rkt.ok("stop", uuid)
            pod.end()
            told = listener.of(uuid)

    assert told == ["exited=None"]
