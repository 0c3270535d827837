"""Puts the process that becomes the pod into the pod's own control groups, where no systemd does.

The first move of a process between cgroups waits 10 ms and more for the kernel (an RCU grace
period), without using the processor. So the kernel is made to wait while we still look for images,
and the move itself goes on in a thread while the pod's trees are being laid.
"""

from __future__ import annotations

import _thread
import os

from rktpy import cgroup, log
from rktpy.host.files import write_atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rktpy.layout import PodTree
    from rktpy.systemd.unit import Placement

_logger = log.Logger("stage1")


class Foreseen:
    """A move of this process to where it is, under way in a thread; see ``foresee``.

    Whoever moves the process elsewhere waits for it first, or it would come back.
    """

    __slots__ = ("_over",)

    def __init__(self, move: Callable[[], None] | None) -> None:
        self._over = _thread.allocate_lock()
        if move is not None:
            self._over.acquire()
            _thread.start_new_thread(self._do, (move,))

    def wait(self) -> None:
        """Return when the move is over."""
        with self._over:
            pass

    def _do(self, move: Callable[[], None]) -> None:
        try:
            move()
        finally:
            self._over.release()


class Placing:
    """The move, under way from the start of the ``with`` block.

    ``settle`` must come before the exec. Leaving the block means that there was none: the
    process goes back to where it was, and the pod's cgroups are removed.
    """

    __slots__ = ("_done", "_error", "_foreseen", "_own")

    def __init__(self, uuid: str, tree: PodTree, placement: Placement, foreseen: Foreseen) -> None:
        """Record in ``tree`` where the pod will be, before anything is made there."""
        self._foreseen = foreseen
        self._own = None if placement.kind != "none" else _plan(uuid)
        self._error: BaseException | None = None
        self._done = _thread.allocate_lock()
        subcgroup = placement.subcgroup
        if self._own is not None:
            write_atomic(tree.cgroups, self._own.record.encode(), mode=0o644, durable=False)
            subcgroup = self._own.subcgroup
        write_atomic(tree.subcgroup, subcgroup.encode(), mode=0o644, durable=False)

    def __enter__(self) -> Placing:
        if self._own is not None:
            self._done.acquire()
            _thread.start_new_thread(self._move, ())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._own is not None:
            with self._done:
                cgroup.leave(self._own, os.getpid())
                cgroup.remove(self._own)

    def settle(self) -> cgroup.PodCgroup | None:
        """Wait until the process is in its place; return the cgroups made, if any were.

        Raises:
            CgroupError: the kernel refused the move.
        """
        with self._done:
            if self._error is not None:
                raise self._error
        return self._own

    def _move(self) -> None:
        try:
            self._foreseen.wait()
            if self._own is not None:
                cgroup.create(self._own)
                cgroup.join(self._own, os.getpid())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
            self._error = error
        finally:
            self._done.release()


def foresee(*, booted: bool) -> Foreseen:
    """Let a move of this process that may come soon be a quick one; returns at once.

    ``booted``: systemd is PID 1 and makes the move, if there is one.
    """
    return Foreseen(None if booted else cgroup.rejoin)


def _plan(uuid: str) -> cgroup.PodCgroup | None:
    try:
        return cgroup.plan(uuid)
    except cgroup.CgroupError as error:
        # Without any hierarchy nspawn may still manage: it mounts what the pod needs itself.
        _logger.warning("%s; the pod stays in the caller's", error.message)
        return None
