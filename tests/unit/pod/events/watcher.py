"""Pods made by hand, and a watch on them that keeps what it told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rktpy.host.lock import lock_dir
from rktpy.host.readiness import Readiness
from rktpy.pod.events.watching import PodWatch
from rktpy.pod.lifecycle import Pod
from rktpy.pod.phase import Phase
from rktpy.systemd.registrations import Registration
from tests.support.pods import STAGE1_ID, a_pod

if TYPE_CHECKING:
    from rktpy.layout import Layout
    from rktpy.pod.events.story import Event


class Watcher:
    """A watch on ``layout``, and what it told."""

    def __init__(self, layout: Layout) -> None:
        self.told: list[str] = []
        self.losses = 0
        self.at: list[int] = []
        self.machined: list[Registration] = []
        self.readiness = Readiness()
        self.watch = PodWatch(
            layout,
            self.readiness,
            tell=self._tell,
            lost=self._lose,
            registrations=self._registrations,
        )

    def until(self, *steps: str) -> None:
        """Wait until exactly ``steps`` were told since the last call."""
        while len(self.told) < len(steps):
            self.readiness.wait()
        told, self.told = self.told, []
        assert told == list(steps)

    def rest(self) -> None:
        """Let it notice all that has happened so far, and end each series of looks."""
        over: list[bool] = []
        while not over or self.readiness.patience() is not None:
            if not over:
                self.readiness.after(0.1, lambda: over.append(True))
            self.readiness.wait()

    def register(self, uuid: str, *, there: bool = True, at: int = 0) -> None:
        """Let machined have registered a pod, which nobody is woken for."""
        self.machined.append(Registration(uuid, at or time.time_ns(), there))

    def _registrations(self) -> list[Registration]:
        news, self.machined = self.machined, []
        return news

    def _tell(self, event: Event) -> None:
        self.at.append(event.at)
        app = f"{event.app}:" if event.app else ""
        self.told.append(app + event.step + ("" if event.status is None else f"={event.status}"))

    def _lose(self) -> None:
        self.losses += 1


def prepare(aside: Layout, layout: Layout) -> Pod:
    """Let a locked pod with one app appear in ``prepare``."""
    uuid = a_pod(aside, Phase.PREPARED, status=None)
    made = aside.pod(Phase.PREPARED, uuid).root
    Path(made, "overlay", STAGE1_ID, "upper/rkt/status").mkdir(parents=True)
    pod = Pod(layout, Phase.PREPARE, uuid, lock_dir(made))
    os.rename(made, pod.path)
    return pod


def status_dir(pod: Pod) -> Path:
    return Path(pod.path, "overlay", STAGE1_ID, "upper/rkt/status")


def supervise(pod: Pod) -> subprocess.Popen[bytes]:
    """Hand the pod's lock to a process, and write down which, as ``launch`` does."""
    assert pod.lock is not None
    process = subprocess.Popen(
        [sys.executable, "-IS", "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(pod.lock.fd,)
    )
    new = Path(pod.path, "new")
    new.write_text(f"{process.pid}\n")
    new.rename(pod.tree.ppid)
    pod.close()
    return process


def start(aside: Layout, layout: Layout) -> tuple[Pod, subprocess.Popen[bytes]]:
    """Let a pod run, and return its supervisor, which ends when it is told so."""
    pod = prepare(aside, layout)
    pod.move(Phase.RUN)
    return pod, supervise(pod)
