"""Keeps a parent process beside a pod after which systemd starts more in the same control group.

A pod in ``ExecStartPre=`` on cgroup v2 would leave its controllers switched on in the group of
the unit, and the kernel would keep the next command out (219/CGROUP). nspawn leaves them, the pod
cannot reach them, and systemd does not wait for anything but this process. So this process does
not become nspawn: a child does (docs/adr/0034-commands-of-a-unit.md).
"""

from __future__ import annotations

import os

from rktpy import log
from rktpy.host import syscalls
from rktpy.host.cgroup.hierarchy import UNIFIED
from rktpy.host.cgroup.leaf import make_leaf, step_aside, step_back
from rktpy.host.signals import (
    SIG_DFL,
    SIG_IGN,
    SIGHUP,
    SIGINT,
    SIGKILL,
    SIGQUIT,
    SIGTERM,
    signal,
)
from rktpy.nspawn.limits.affinity import APART
from rktpy.pod.state import pids
from rktpy.systemd.commands import Question
from rktpy.systemd.unit import SERVICE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from rktpy.systemd.unit import Placement

_SUPERVISOR = "supervisor"  # where nspawn goes
_OF_PODS = ("payload", APART)  # what else there may be below the group
_CONTROL = ".control"  # where systemd puts commands while there may be a main process
_FORWARDED = (SIGTERM, SIGINT, SIGHUP, SIGQUIT)
_logger = log.Logger("stage1")


class Outlasting(Question):
    """Decides whether this process must stay, for a pod that is placed like ``placement``.

    systemd is asked at once and the answer read in ``settle``; leaving the ``with`` block hangs up.
    """

    __slots__ = ("_placement", "_sure")

    def __init__(self, placement: Placement, mode: str) -> None:
        """Ask; ``mode`` is that of the host's cgroups."""
        group = placement.own.rpartition("/")[2]
        concerned = mode == UNIFIED and placement.kind == SERVICE
        self._placement = placement
        self._sure = concerned and group == _CONTROL
        # A group below that of the unit is a leaf, whatever a pod left beside it.
        super().__init__(placement.unit if concerned and group == placement.unit else "")

    def settle(self) -> None:
        """Return in the process that is to become the pod, which may be a child by now.

        Raises:
            OSError: no more processes.
        """
        must = self._sure or self.others_follow(os.getpid())
        self.close()
        if must:
            outlast(f"/sys/fs/cgroup{self._placement.own}")


def outlast(directory: str) -> None:
    """Return in a child, which is to become the pod; this process waits for it and ends as it ends.

    ``directory`` is the control group of both. When the child has ended it is as it was before.
    The child is asked to end if this process is killed.

    Raises:
        OSError: no more processes, or the group is not ours to change. We are alone then.
    """
    reading, writing = os.pipe()
    pid, child = os.getpid(), os.fork()
    if child:
        _wait(child, directory, reading, writing)
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, SIGTERM)
        os.close(writing)
        if os.read(reading, 1) == b"" or os.getppid() != pid:
            os._exit(254)  # it was killed
        if os.environ.get("LISTEN_PID") == str(pid):
            os.environ["LISTEN_PID"] = str(os.getpid())
    finally:
        os.close(reading)


def _wait(child: int, directory: str, reading: int, writing: int) -> NoReturn:
    """In the parent, which keeps nothing of the pod: neither its lock nor its cleanup."""
    status = 254 << 8
    try:
        for number in _FORWARDED:
            signal(number, lambda number, _frame: _pass_on(child, number))
        try:
            # The group cannot have controllers for the pod with a process in it.
            step_aside(directory, _SUPERVISOR)
        except OSError as error:
            _logger.warning("limits of apps may not hold: %s", error)
        os.write(writing, b"\n")
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        # Reaped only when no signal is passed on any more: its number may be another's then.
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        for number in _FORWARDED:
            signal(number, SIG_IGN)
        _, status = os.waitpid(child, 0)
        _tidy(directory)
    finally:
        _end_as(status)


def _tidy(directory: str) -> None:
    try:
        make_leaf(directory, without=_OF_PODS)
        step_back(directory, _SUPERVISOR)
    except OSError as error:
        _logger.warning(
            "the next command of the unit may fail (219/CGROUP), controllers stay on in %s: %s",
            directory,
            error,
        )


def _pass_on(supervisor: int, number: int) -> None:
    """Ask the pod to end; nspawn only if nobody else can be asked, as systemd may have asked it as
    well. ``supervisor`` is a child that has not been reaped."""
    if not pids.ask_to_halt(supervisor):
        os.kill(supervisor, number)


def _end_as(status: int) -> NoReturn:
    """End the way that ``status``, of waitpid(2), says."""
    if os.WIFSIGNALED(status):
        death = os.WTERMSIG(status)
        if death != SIGKILL:
            signal(death, SIG_DFL)
        os.kill(os.getpid(), death)
    os._exit(os.waitstatus_to_exitcode(status))
