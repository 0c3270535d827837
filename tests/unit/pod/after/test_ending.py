from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.pod.after.ending import ending_of, note_ending
from rktpy.pod.lifecycle import open_pod
from rktpy.pod.phase import Phase
from tests.support.pods import STAGE1_ID, a_pod

if TYPE_CHECKING:
    from rktpy.pod.lifecycle import Pod

_SECOND = 10**9
_BOOT = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
_APPS = ("a", "b")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


@pytest.fixture
def pod(layout: Layout) -> Pod:
    return open_pod(layout, a_pod(layout, apps=_APPS))


def _at(path: str, moment: int) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).touch()
    os.utime(path, ns=(moment, moment))


def _upper(pod: Pod) -> str:
    return f"{pod.path}/overlay/{STAGE1_ID}/upper"


def _killed(pod: Pod, *, started: int) -> None:
    os.unlink(f"{_upper(pod)}/rkt/status/b")
    _at(f"{pod.path}/ppid", started)


def test_the_last_status_is_the_end_if_there_is_no_journal(pod: Pod) -> None:
    for app, moment in zip(_APPS, (70 * _SECOND, 50 * _SECOND), strict=True):
        _at(f"{_upper(pod)}/rkt/status/{app}", moment)

    ending = ending_of(pod)

    assert ending is not None
    assert (ending.at, ending.exact) == (70 * _SECOND, True)


def test_the_journal_is_closed_last(pod: Pod) -> None:
    for app in _APPS:
        _at(f"{_upper(pod)}/rkt/status/{app}", 70 * _SECOND)
    machine = pod.uuid.replace("-", "")
    _at(f"{_upper(pod)}/var/log/journal/{machine}/system.journal", 80 * _SECOND)

    ending = ending_of(pod)

    assert ending is not None
    assert (ending.at, ending.exact) == (80 * _SECOND, True)


def test_nothing_ended_after_it_was_marked(pod: Pod) -> None:
    ending = ending_of(pod, 60 * _SECOND)

    assert ending is not None
    assert (ending.at, ending.exact) == (60 * _SECOND, True)


def test_of_a_killed_pod_only_the_mark_tells(pod: Pod) -> None:
    now = time.time_ns()
    _killed(pod, started=now)
    ending = ending_of(pod, now + 1)

    assert ending_of(pod) is None
    assert ending is not None
    assert (ending.at, ending.exact) == (now + 1, False)


def test_a_pod_of_an_earlier_boot_ended_before_this_one(pod: Pod) -> None:
    _killed(pod, started=_BOOT - 90 * _SECOND)
    ending = ending_of(pod, time.time_ns())

    assert ending is not None
    assert abs(ending.at - _BOOT) < _SECOND
    assert not ending.exact


def test_the_mark_notes_what_the_next_boot_would_forget(pod: Pod) -> None:
    _killed(pod, started=_BOOT - 90 * _SECOND)
    note_ending(pod)
    _at(f"{pod.path}/ppid", time.time_ns())  # as if it were of this boot: the note is what counts
    ending = ending_of(pod, time.time_ns())

    assert ending is not None
    assert abs(ending.at - _BOOT) < _SECOND
    assert not ending.exact


def test_nothing_is_noted_where_the_disk_tells_anyway(layout: Layout, pod: Pod) -> None:
    killed = open_pod(layout, a_pod(layout, apps=_APPS))
    _killed(killed, started=time.time_ns())
    for one in (pod, killed):
        note_ending(one)

    assert not os.path.exists(f"{pod.path}/pod-ended")
    assert not os.path.exists(f"{killed.path}/pod-ended")


def test_a_pod_without_files_tells_nothing(layout: Layout) -> None:
    path = layout.pod(Phase.RUN, "11111111-2222-4333-8444-555555555555").root
    os.makedirs(path)

    assert ending_of(open_pod(layout, os.path.basename(path))) is None
