"""What ``run`` and ``prepare`` share: the lock against tree collection, overlay or copy, undo."""

from __future__ import annotations

import os

from rktpy import log
from rktpy.errors import RktError
from rktpy.host.lock import lock_file
from rktpy.pod import sweep
from rktpy.pod.contents import write_contents
from rktpy.pod.naming import NAME_ANNOTATION, claim
from rktpy.pod.phase import Phase
from rktpy.pod.teardown import leftover_mounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.host.lock import Lock
    from rktpy.layout import Layout
    from rktpy.pod.contents import Contents
    from rktpy.pod.lifecycle import Pod
    from rktpy.systemd.facts import HostFacts

_logger = log.Logger("stage0")


class DataDirError(RktError):
    """The data directory cannot be written."""


def prepare_lock(layout: Layout) -> Lock:
    """Take the lock that keeps ``image gc`` from removing a tree a new pod is about to name.

    Shared: any number of pods may be prepared at once (rkt-cli.md 5.4).

    Raises:
        DataDirError: the data directory is read-only or full.
    """
    try:
        try:
            return lock_file(layout.prepare_lock, exclusive=False)
        except FileNotFoundError:
            os.makedirs(layout.locks, mode=0o750, exist_ok=True)
            return lock_file(layout.prepare_lock, exclusive=False)
    except OSError as error:
        raise DataDirError(
            f"cannot write to the data directory {layout.data}", hint="choose another with --dir"
        ) from error


def choose_overlay(facts: HostFacts, *, wanted: bool) -> bool:
    """Return whether trees are mounted as overlays; say so where the host cannot."""
    if wanted and not facts.overlay and not _load_overlay():
        _logger.warning(
            'disabling overlay support: "overlay entry not present in /proc/filesystems"'
        )
        return False
    return wanted


def fill(pod: Pod, contents: Contents) -> None:
    """Write ``contents`` into a new pod and take the name its manifest says.

    Raises:
        RktError: the name is taken, or a word is no UTF-8.
        OSError: the disk is full.
    """
    write_contents(pod.tree, contents)
    name = contents.manifest.annotation(NAME_ANNOTATION)
    if name:
        claim(pod, name)


def discard(pod: Pod) -> None:
    """Remove a pod whose start failed, with what was mounted for it. Never raises.

    The lock is ours, so nobody else touches the pod; if we are killed here, ``gc`` goes on.
    """
    garbage = Phase.EXITED_GARBAGE if pod.phase == Phase.RUN else Phase.GARBAGE
    try:
        os.chdir("/")
        pod.move(garbage)
        sweep.delete(pod, leftover_mounts(pod.layout))
    except (OSError, RktError) as error:
        _logger.debug("left to gc: %s", error)
        pod.close()


def _load_overlay() -> bool:
    """Try to load the module; the answer is in /proc/filesystems."""
    from rktpy.host import process

    try:
        process.run(["modprobe", "overlay"])
    except RktError:
        pass  # no modprobe, or no module: the table below decides
    with open("/proc/filesystems", "rb") as table:
        return b"\toverlay\n" in table.read()
