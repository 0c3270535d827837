"""The root of an app whose pod has ended: finding and holding it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.pod.after.ended import EndedError, EndedRoot
from rktpy.pod.lifecycle import Pod, PodGoneError
from rktpy.pod.phase import Phase
from tests.support.pods import a_pod

if TYPE_CHECKING:
    from pathlib import Path


def test_a_pod_that_was_marked_meanwhile_is_found_where_it_is_now(tmp_path: Path) -> None:
    layout = Layout(f"{tmp_path}/data")
    uuid = a_pod(layout, Phase.EXITED_GARBAGE)
    pod = Pod(layout, Phase.RUN, uuid)

    with pytest.raises(EndedError, match="redis"):  # it has no tree, which is looked for there
        EndedRoot(pod, "redis")
    assert pod.phase == Phase.EXITED_GARBAGE


def test_a_pod_that_was_deleted_meanwhile_is_gone(tmp_path: Path) -> None:
    layout = Layout(f"{tmp_path}/data")
    a_pod(layout)

    with pytest.raises(PodGoneError):
        EndedRoot(Pod(layout, Phase.RUN, "6733c088-a507-4694-aabf-0123456789ab"), "redis")
