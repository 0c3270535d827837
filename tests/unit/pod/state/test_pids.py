"""Numbers of processes, as damaged files have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rktpy.host.lock import lock_dir
from rktpy.layout import Layout
from rktpy.pod.lifecycle import open_pod
from rktpy.pod.state import pids
from tests.support.pods import a_pod


@pytest.mark.parametrize("number", ["99999999999", "-1", "0", "4194305"])
def test_a_number_that_no_process_can_have_is_nobody(tmp_path: Path, number: str) -> None:
    layout = Layout(f"{tmp_path}/data")
    pod = open_pod(layout, a_pod(layout, status=None))
    with lock_dir(pod.path):
        for name in ("ppid", "pid"):
            Path(f"{pod.path}/{name}").write_text(f"{number}\n")
        with pytest.raises(pids.NotReadyError):
            pids.find_supervisor(pod, timeout=0)
        with pytest.raises(pids.NotReadyError):
            pids.find_pid1(pod, timeout=0)
