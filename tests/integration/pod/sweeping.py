"""gc and rm in the process of the test, and processes that do it and die of it."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from rktpy.pod.phase import Phase
from rktpy.verbs.gc import GcRequest, collect
from rktpy.verbs.rm import remove_pods

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rktpy.verbs.site import Site

HOUR = 3600 * 10**9
EVERYTHING = GcRequest(grace_period=0, expire_prepared=0)
STEPS = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "open", "os.scandir",
         "fcntl.flock")  # fmt: skip


def gc(site: Site, request: GcRequest = EVERYTHING) -> list[tuple[str, str]]:
    return [(event.kind, event.uuid) for event in collect(site, request)]


def rm(site: Site, *texts: str) -> list[tuple[str, str]]:
    return [(event.kind, event.uuid) for event in remove_pods(site, texts)]


def in_child(work: Callable[[], object]) -> int:
    """Fork a process that does ``work``; it ends with 0, or 1 after an exception."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def ends_well(child: int) -> bool:
    return os.waitpid(child, 0)[1] == 0


def die_at(step: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a child that is killed right before its ``step``-th change or look at the
    disk; return whether it got to the end before that.
    """

    def traced() -> None:
        left = step

        def count(event: str, _args: tuple[object, ...]) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        work()

    return ends_well(in_child(traced))


def link_journal(site: Site, uuid: str, journals: Path) -> Path:
    """Link the journal of an exited pod as nspawn does; return the link."""
    link = journals / uuid.replace("-", "")
    link.symlink_to(f"{site.layout.pod(Phase.RUN, uuid).stage1_rootfs}/var/log/journal/{link.name}")
    return link
