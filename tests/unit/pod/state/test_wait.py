"""Who waits for a pod that was only prepared sees it start, and end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.host.lock import lock_dir
from rktpy.layout import Layout
from rktpy.pod.lifecycle import Pod, open_pod
from rktpy.pod.phase import Phase
from rktpy.pod.state.wait import wait_finished, wait_ready
from tests.support.pods import a_pod

if TYPE_CHECKING:
    from pathlib import Path

UUID = "0f746094-3438-42bc-ab37-3cf85f132e60"
LONG = 60.0  # seconds; only what never ends takes so long


@pytest.fixture
def started(tmp_path: Path) -> Pod:
    """A pod that was prepared when it was looked up, and has been started since."""
    layout = Layout(str(tmp_path / "data"))
    a_pod(layout, uuid=UUID)
    running, prepared = (layout.pod(phase, UUID).root for phase in (Phase.RUN, Phase.PREPARED))
    os.rename(running, prepared)
    pod = open_pod(layout, UUID)
    os.rename(prepared, running)
    return pod


def test_the_start_of_a_prepared_pod_is_seen(started: Pod) -> None:
    with lock_dir(started.layout.pod(Phase.RUN, UUID).root):
        wait_ready(started, LONG)

    assert started.phase == Phase.RUN


@pytest.mark.parametrize("timeout", [None, LONG])
def test_the_end_of_a_prepared_pod_is_seen(started: Pod, timeout: float | None) -> None:
    wait_finished(started, timeout)

    assert started.phase == Phase.RUN
