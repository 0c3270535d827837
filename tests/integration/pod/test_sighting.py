"""A pod is seen as it is, also while it moves."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.pod.events.sighting import open_dir, see
from rktpy.pod.events.story import AppEnd
from rktpy.pod.lifecycle import Pod, make_phase_dirs
from rktpy.pod.phase import Phase
from tests.support.pods import a_pod

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PODS = 100
# Moves what it is told, as soon as it is told.
MOVER = """\
import os, sys
for line in sys.stdin:
    os.rename(*line.split())
"""


@pytest.fixture
def mover() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", MOVER], stdin=subprocess.PIPE, text=True) as mover:
        yield mover


def test_a_pod_that_moves_meanwhile_is_seen_whole(
    tmp_path: Path, mover: subprocess.Popen[str]
) -> None:
    """Its apps' statuses are read by their paths, which go with the first rename."""
    layout = Layout(str(tmp_path))
    make_phase_dirs(layout)
    seen = []
    for _ in range(PODS):
        uuid = a_pod(layout, Phase.RUN, units=0, status=3)
        pod = Pod(layout, Phase.RUN, uuid)
        fd = open_dir(pod)
        assert fd is not None
        assert mover.stdin is not None
        mover.stdin.write(f"{pod.path} {layout.pod(Phase.EXITED_GARBAGE, uuid).root}\n")
        mover.stdin.flush()
        while pod.phase == Phase.RUN:
            seen.append(see(pod, fd, (), None))
        os.close(fd)

    ends = {sight and tuple(app.replace(at=0) for app in sight.apps) for sight in seen}
    assert ends == {(AppEnd("redis", 3),)}
