"""Marking pods that ended and deleting marked ones: what ``gc`` and ``rm`` share.

Everything may be interrupted at any point and repeated, by the same command or another one, and
any number may run at once: marks are renames that only one can win, deletion happens under the
pod's lock, and its manifest goes last, so a half deleted pod is still known as one.
"""

from __future__ import annotations

import errno
import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.lock import LockBusyError, lock_dir
from rktpy.host.share import share
from rktpy.host.tree.removal import empty_dir, remove_entry
from rktpy.log import Logger
from rktpy.pod.after.ending import ended_in_order, note_ending
from rktpy.pod.after.teardown import (
    SurvivorsError,
    follow_with_journal_link,
    kill_survivors,
    leftover_mounts,
    tear_down,
)
from rktpy.pod.lifecycle import Pod, PodGoneError, pods
from rktpy.pod.phase import Phase, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rktpy.layout import Layout

_log = Logger("gc")
_GARBAGE = (Phase.EXITED_GARBAGE, Phase.GARBAGE)
_BULK = ("overlay", "sharedVolumes")
_MANIFEST = "pod"
_BETWEEN = "\x1e"  # separates the messages of a chain on its way back from a worker


class NotGarbageError(RktError):
    """A pod that was not marked is not deleted."""

    def __init__(self, uuid: str, state: str) -> None:
        super().__init__(f"non-garbage pod {quote(uuid)} (status {quote(state)}), skipped")


class RemoveError(RktError):
    """A pod's files cannot be deleted; what is left is found again by the next ``gc``."""


class Outcome:
    """What became of deleting one pod: ``messages`` is empty or a chain, outermost first."""

    __slots__ = ("messages", "uuid")

    def __init__(self, uuid: str, messages: tuple[str, ...]) -> None:
        self.uuid = uuid
        self.messages = messages

    @property
    def error(self) -> RktError | None:
        """The failure as an exception with its causes, None if the pod is gone."""
        error: RktError | None = None
        for message in reversed(self.messages):
            outer = RemoveError(message)
            outer.__cause__ = error
            error = outer
        return error


def mark_exited(pod: Pod) -> bool:
    """Move a pod in ``run`` to ``exited-garbage`` if it exited; return whether we did.

    The rename records when it was found ended, see ``ending``.

    Raises:
        PodMoveError: the rename failed for another reason than losing a race.
        OSError: the disk is full.
    """
    if not _mark(pod, State.EXITED, Phase.EXITED_GARBAGE):
        return False
    finish_mark(pod)
    return True


def finish_mark(pod: Pod) -> None:
    """Finish marking a pod that exited; whoever marked it may have been killed before this.

    Processes that outlived the supervisor are killed now, not when the pod is deleted. Those that
    survive that are reported when it is.
    The kernel ends most pods with their supervisor (``nspawn.lifeline``), but not all of them.
    """
    follow_with_journal_link(pod)
    if ended_in_order(pod):
        return
    try:
        kill_survivors(pod)
    except SurvivorsError as error:
        _log.debug("%s", error)


def mark_aborted(pod: Pod) -> bool:
    """Move a pod in ``prepare`` to ``garbage`` if nobody prepares it; return whether we did.

    Raises:
        PodMoveError: as ``mark_exited``.
    """
    return _mark(pod, State.ABORTED_PREPARE, Phase.GARBAGE)


def mark_prepared(pod: Pod) -> bool:
    """Move a pod in ``prepared`` to ``garbage``; return whether we did.

    Raises:
        PodMoveError: as ``mark_exited``.
    """
    return _mark(pod, State.PREPARED, Phase.GARBAGE)


def make_room(pod: Pod) -> None:
    """Delete the bulk of an ended or prepared pod where it is: on a disk without room for one more
    name it could not be marked before. What is left is a pod still, and to be deleted.

    Raises:
        PodBusyError, PodGoneError: somebody else was faster.
        SurvivorsError, RemoveError: it has to stay as it is.
    """
    pod.acquire(wait=False)
    with pod:
        kill_survivors(pod)
        assert pod.lock is not None  # noqa: S101 - for the type checker
        _remove_bulk(pod.uuid, pod.lock.fd)


def sweep_embryos(layout: Layout) -> None:
    """Remove directories of pods whose creator died before the first rename.

    A creator that is alive and finds its embryo gone makes another one (``lifecycle.create``).
    """
    for pod in pods(layout, (Phase.EMBRYO,)):
        try:
            with lock_dir(pod.path, wait=False):
                os.rmdir(pod.path)
        except (LockBusyError, FileNotFoundError):
            continue
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise


def marked_at(pod: Pod) -> int:
    """Return when the pod was marked, or prepared: the rename set its change time (ns).

    Raises:
        OSError: it is not where it was last seen.
    """
    return os.lstat(pod.path).st_ctime_ns


def delete(pod: Pod, mounts: Sequence[str], leave: Callable[[Pod], None]) -> None:
    """Delete a marked pod with all it left on the host; waits for another deletion of it.

    ``mounts`` and ``leave`` are those of ``tear_down``. It is fine if the pod is gone already.

    Raises:
        NotGarbageError: the pod was not marked.
        SurvivorsError, LeftoverMountError, RemoveError: it stays marked; try again later.
    """
    if pod.phase not in _GARBAGE:
        raise NotGarbageError(pod.uuid, pod.state())
    try:
        pod.acquire(wait=True)
    except PodGoneError:
        return
    with pod:
        tear_down(pod, mounts, leave)
        _remove_files(pod)


def delete_all(
    layout: Layout, marked: Sequence[Pod], leave: Callable[[Pod], None]
) -> Iterator[Outcome]:
    """Delete marked pods, several at a time; yield an outcome for each, in their order.

    ``leave`` is that of ``tear_down``; it may be called in a forked process.
    """
    if not marked:
        return
    mounts = leftover_mounts(layout)
    phases = {pod.uuid: pod.phase for pod in marked}

    def work(uuid: str) -> str:
        try:
            delete(Pod(layout, phases[uuid], uuid), mounts, leave)
        except (RktError, OSError) as error:
            return _BETWEEN.join(chain(error))
        return ""

    for uuid, answer in share(list(phases), work):
        yield Outcome(uuid, tuple(answer.split(_BETWEEN)) if answer else ())


def chain(error: BaseException) -> tuple[str, ...]:
    """Return the messages of ``error`` and its causes, outermost first."""
    messages = []
    cause: BaseException | None = error
    while cause is not None:
        messages.append(str(cause) or type(cause).__name__)
        cause = cause.__cause__
    return tuple(messages)


def _mark(pod: Pod, state: str, phase: str) -> bool:
    try:
        if pod.state() != state:
            return False
        if phase == Phase.EXITED_GARBAGE:
            note_ending(pod)
        pod.move(phase)
    except PodGoneError:
        return False
    return True


def _remove_files(pod: Pod) -> None:
    lock = pod.lock
    assert lock is not None  # noqa: S101 - for the type checker; ``delete`` acquired it
    _remove_bulk(pod.uuid, lock.fd)
    try:
        empty_dir(lock.fd, keep=(_MANIFEST,))
        remove_entry(lock.fd, _MANIFEST)
        os.rmdir(pod.path)
    except (OSError, RktError) as error:
        raise RemoveError(f"unable to remove pod {quote(pod.uuid)}") from error


def _remove_bulk(uuid: str, pod_fd: int) -> None:
    try:
        _remove_rootfs(pod_fd)
    except (OSError, RktError) as error:
        raise RemoveError(f"unable to remove pod rootfs {quote(uuid)}") from error


def _remove_rootfs(pod_fd: int) -> None:
    try:
        stage1 = os.open(
            "stage1",
            os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC,
            dir_fd=pod_fd,
        )
    except FileNotFoundError:
        pass  # prepare was killed early, or we are not the first to try
    else:
        try:
            remove_entry(stage1, "rootfs")
        finally:
            os.close(stage1)
    for name in _BULK:
        remove_entry(pod_fd, name)
