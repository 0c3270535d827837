"""Finding and stopping the processes of a pod. The supervisor is a stand-in that behaves as
systemd-nspawn does: an intermediate child that becomes PID 1 of a namespace a little later.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host import procfs
from rktpy.pod.lifecycle import Pod, open_pod
from rktpy.pod.state import pids
from rktpy.pod.state.wait import wait_finished
from rktpy.verbs.site import Site
from rktpy.verbs.stop import stop_pods
from tests.integration.run.rk import PATIENCE, until
from tests.support.pods import a_pod

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.layout import Layout

HALT = 37  # SIGRTMIN+3

# argv: uuid, seconds until PID 1 is executed, seconds until that takes the halt signal, and how
# many children nspawn has beside it, which are nobody's PID 1.
SUPERVISOR = f"""
import ctypes, os, signal, sys, time
for _ in range(int(sys.argv[4])):
    if not os.fork():
        signal.pause()
ctypes.CDLL(None).unshare(0x20000000)
child = os.fork()
if not child:
    time.sleep(float(sys.argv[2]))
    code = "sleep " + sys.argv[3] + "; trap 'exit 0' {HALT}; while :; do sleep 0.02; done"
    os.execv("/bin/sh", ["sh", "-c", code])
def halt(*_):
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    os.kill(child, {HALT})
signal.signal(signal.SIGTERM, halt)
if os.waitpid(child, 0)[1]:
    signal.pause()  # what killed it kills us next; to end by ourselves meanwhile would be a race
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(data_dir=f"{tmp_path}/data")


class Supervised:
    """A pod whose lock only the stand-in holds."""

    def __init__(
        self, layout: Layout, program: str, *, execute: float, ready: float, others: int = 0
    ) -> None:
        self.pod: Pod = open_pod(layout, a_pod(layout, status=None))
        os.unlink(f"{self.pod.path}/ppid")
        fd = os.open(self.pod.path, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        self.process = subprocess.Popen(
            [program, "-S", "-c", SUPERVISOR, self.pod.uuid, str(execute), str(ready), str(others)],
            env={"PYTHONHOME": sys.base_prefix, "PATH": "/usr/bin:/bin"},
            pass_fds=(fd,),
        )
        os.close(fd)
        self.write_ppid(self.process.pid)

    def write_ppid(self, pid: int) -> None:
        Path(f"{self.pod.path}/ppid").write_text(f"{pid}\n")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)  # it has no child yet that we do not see
            os.waitpid(self.process.pid, os.WUNTRACED)
        for child in procfs.children(self.process.pid):
            os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def nspawn(tmp_path: Path) -> str:
    program = f"{tmp_path}/systemd-nspawn"
    shutil.copy(os.path.realpath(sys.executable), program)
    return program


@pytest.fixture
def pod(site: Site, nspawn: str) -> Iterator[Supervised]:
    supervised = Supervised(site.layout, nspawn, execute=0.15, ready=0.15)
    yield supervised
    supervised.end()


def test_pid_one_is_the_child_that_is_no_longer_nspawn(pod: Supervised) -> None:
    with pids.find_pid1(pod.pod, timeout=PATIENCE) as found:
        assert [found.pid] == procfs.children(pod.process.pid)
        assert "sh" in os.readlink(f"/proc/{found.pid}/exe").replace("dash", "sh")
        assert Path(f"/proc/{found.pid}/status").read_text().split("NSpid:")[1].split()[1] == "1"


def test_nspawn_is_known_when_an_upgrade_of_systemd_has_removed_it(
    pod: Supervised, nspawn: str
) -> None:
    os.unlink(nspawn)

    assert pids.is_nspawn(pod.process.pid)
    with pids.find_pid1(pod.pod, timeout=PATIENCE) as found:
        assert "sh" in os.readlink(f"/proc/{found.pid}/exe")


def test_pid_one_of_a_pod_that_does_not_come_up_is_waited_for_only_so_long(
    site: Site, nspawn: str
) -> None:
    slow = Supervised(site.layout, nspawn, execute=30, ready=0)
    try:
        with pytest.raises(pids.NotReadyError):
            pids.find_pid1(slow.pod, timeout=0.1)
    finally:
        slow.end()


def test_pid_one_is_found_among_children_that_are_none(site: Site, nspawn: str) -> None:
    """Where nspawn is slow to start, those that it works with stay for many seconds."""
    slow = Supervised(site.layout, nspawn, execute=0.15, ready=0, others=2)
    try:
        with pids.find_pid1(slow.pod, timeout=PATIENCE) as found:
            assert procfs.is_pid1(found.pid)
            assert len(procfs.children(slow.process.pid)) == 3
    finally:
        slow.end()


def test_waiting_for_pid_one_ends_with_the_pod(site: Site, nspawn: str) -> None:
    slow = Supervised(site.layout, nspawn, execute=30, ready=0)
    slow.end()

    with pytest.raises(pids.NotRunningError, match="is not running anymore"):
        pids.find_pid1(slow.pod)


def test_a_flavour_that_writes_pid_is_believed(pod: Supervised) -> None:
    Path(f"{pod.pod.path}/pid").write_text(f"{pod.process.pid}\n")

    with pids.find_pid1(pod.pod, timeout=PATIENCE) as found:
        assert found.pid == pod.process.pid


def test_a_number_reused_by_a_stranger_is_not_the_supervisor(pod: Supervised) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pod.write_ppid(stranger.pid)
        with pytest.raises(pids.NotReadyError):
            pids.find_supervisor(pod.pod, timeout=0.1)
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_asks_a_starting_pod_when_it_can_hear(pod: Supervised, site: Site) -> None:
    """The halt signal sent at once would be lost, and the pod would go on for ever."""
    (event,) = stop_pods(site, [pod.pod.uuid], force=False)

    assert event.error is None
    assert event.kind == "stopped"
    wait_finished(pod.pod, PATIENCE)
    assert pod.process.wait(3) == 0


def test_forced_stop_leaves_neither_supervisor_nor_pod(pod: Supervised, site: Site) -> None:
    with pids.find_pid1(pod.pod, timeout=PATIENCE) as pid1:
        (event,) = stop_pods(site, [pod.pod.uuid], force=True)

        assert event.kind == "stopped"
        assert pid1.wait(PATIENCE)
    assert pod.process.wait(PATIENCE) == -signal.SIGKILL
    assert pod.pod.state() == "exited"


def test_forced_stop_of_a_pod_without_pid_one_kills_what_is_there(site: Site, nspawn: str) -> None:
    slow = Supervised(site.layout, nspawn, execute=30, ready=0)
    (child,) = until(lambda: procfs.children(slow.process.pid), "child")

    (event,) = stop_pods(site, [slow.pod.uuid], force=True)

    assert event.kind == "stopped"
    slow.process.wait(PATIENCE)
    until(lambda: not Path(f"/proc/{child}/exe").exists(), "end of the child")


def test_waiting_sleeps_until_the_lock_is_free(pod: Supervised, site: Site) -> None:
    waiter = subprocess.Popen(
        [sys.executable, "-c", WAITER, site.layout.data, pod.pod.uuid],
        cwd=os.getcwd(),
    )
    until(lambda: waits_for_a_lock(waiter.pid), "wait")
    ticks = sum(map(int, Path(f"/proc/{waiter.pid}/stat").read_text().split()[13:15]))
    time.sleep(0.5)
    later = sum(map(int, Path(f"/proc/{waiter.pid}/stat").read_text().split()[13:15]))
    pod.end()

    assert waiter.wait(PATIENCE) == 0
    assert later == ticks, "it kept a processor busy"


def waits_for_a_lock(pid: int) -> bool:
    """Return whether the process sleeps in flock(2), see "/proc/locks" in proc(5)."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and str(pid) in line.split() for line in lines)


WAITER = """
import sys
sys.path.insert(0, ".")
from rktpy.layout import Layout
from rktpy.pod.lifecycle import open_pod
from rktpy.pod.state.wait import wait_finished
wait_finished(open_pod(Layout(sys.argv[1]), sys.argv[2]), None)
"""
