"""Killing a part of rktpy at its n-th change to the disk, in a fork of the test."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from rktpy.errors import RktError
from rktpy.verbs.image.gc import References, collect_images
from rktpy.verbs.site import Site
from tests.integration.run.rk import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.layout import Layout

# What changes the disk; an import of this size passes about seventy of them.
STEPS = frozenset(
    {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.chown", "os.utime"}
    | {"os.link", "os.symlink", "os.fork", "fcntl.flock", "os.listdir", "sqlite3.connect"}
)


def in_child(act: Callable[[], object]) -> int:
    """Return the exit status of ``act`` in a process of its own; a negative one is a signal."""
    pid = os.fork()
    if not pid:
        status = 99
        try:
            act()
            status = 0
        except RktError:
            status = 254
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die_at(step: int) -> None:
    """Kill this process at its ``step``-th change to the disk, the worker's not counted."""
    count = 0
    home = os.getpid()

    def watch(event: str, _args: tuple[object, ...]) -> None:
        nonlocal count
        if event in STEPS and os.getpid() == home:
            count += 1
            if count == step:
                os.kill(home, signal.SIGKILL)

    sys.addaudithook(watch)


def settled(layout: Layout) -> None:
    """Wait for a worker whose parent was killed: it holds nothing but its last breath."""
    deadline = time.monotonic() + PATIENCE
    while left := _workers(layout):
        assert time.monotonic() < deadline, left
        time.sleep(0.005)


def _workers(layout: Layout) -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/root").startswith(layout.data):
                found.append(pid)
        except OSError:
            continue
    return found


def collect(layout: Layout, *, grace: int = -1) -> None:
    """Run ``image gc`` where no pods are; images used within ``grace`` (ns) stay."""
    site = Site(data_dir=layout.data)
    list(collect_images(site, grace, references=lambda _layout: References()))
