"""The processes of a running pod: its supervisor (systemd-nspawn) and its PID 1.

Numbers on disk may be stale and numbers in /proc may be reused, so a process is held by a pidfd
and then checked to be the pod's, in this order.
"""

from __future__ import annotations

import os
import time

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host import procfs
from rktpy.host.pidfd import Process
from rktpy.pod.phase import State
from rktpy.pod.texts import read_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.pod.lifecycle import Pod

_POLL = 0.005  # seconds; a pod is up within some 100 ms
_NSPAWN = "systemd-nspawn"
HALT_SIGNAL = 37  # SIGRTMIN+3 as systemd counts it: what nspawn sends its PID 1 to halt
_NEVER_BLOCKED = 14  # SIGALRM: systemd does not wait for it, so it blocks it only with all others


class NotRunningError(RktError):
    """The pod ended, or was never started, while one of its processes was wanted."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"pod {quote(uuid)} is not running anymore")


class NotReadyError(RktError):
    """The pod runs, but did not get as far as needed in the time given."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"pod {quote(uuid)} is not up yet", hint="try again later")


class ChildrenError(RktError):
    """A supervisor has several children that look like PID 1, so none is known to be it."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"too many children of pid {pid}")


def recorded_pid(pod: Pod) -> int | None:
    """Return the number in the pod's ``pid`` file, else in ``ppid``; it may be long gone."""
    for name in ("pid", "ppid"):
        number = read_number(f"{pod.path}/{name}")
        if number is not None:
            return number
    return None


def find_supervisor(pod: Pod, *, timeout: float | None = None) -> Process:
    """Return the process that is the pod (systemd-nspawn, or still the start of it).

    The caller owns the result. ``timeout`` bounds the wait for the pod's ``ppid`` file, in
    seconds; ``None`` waits as long as the pod runs.

    Raises:
        NotRunningError, NotReadyError: the pod ended, or the time is over.
    """
    deadline = _deadline(timeout)
    while True:
        pid = read_number(f"{pod.path}/ppid")
        process = _hold(pid) if pid else None
        if process is not None:
            if _belongs(process.pid, pod):
                return process
            process.close()
        _pause(pod, deadline)


def find_pid1(pod: Pod, *, timeout: float | None = None) -> Process:
    """Return the pod's PID 1, waiting for it while the pod starts. The caller owns the result.

    A flavour that writes ``pid`` is believed. Otherwise it is the one child of the supervisor that
    is PID 1 of a namespace and no longer nspawn's own intermediate process. Other children come and
    go while nspawn starts, and stay as long as it takes them.

    Raises:
        NotRunningError: the pod is not running, or ended meanwhile.
        NotReadyError: ``timeout`` seconds were not enough.
        ChildrenError: several children are PID 1 of a namespace.
    """
    deadline = _deadline(timeout)
    while True:
        written = read_number(f"{pod.path}/pid")
        process = _hold(written) if written is not None else _child_pid1(pod)
        if process is not None and pod.state() == State.RUNNING:
            return process
        if process is not None:
            process.close()
        _pause(pod, deadline)


def takes_halt_signal(pid: int) -> bool:
    """Return whether the pod's PID 1 would notice nspawn asking it to halt.

    The kernel drops signals to a PID 1 that has not prepared for them, so a pod that is asked to
    stop while systemd is starting in it would go on for ever.
    """
    fields = procfs.status(pid)
    caught, blocked = (int(fields.get(key, "0"), 16) for key in ("SigCgt", "SigBlk"))
    if caught & _bit(HALT_SIGNAL):
        return True
    # systemd reads blocked signals from a signalfd. All blocked only means that it is forking.
    return bool(blocked & _bit(HALT_SIGNAL)) and not blocked & _bit(_NEVER_BLOCKED)


def ask_to_halt(supervisor: int) -> bool:
    """Ask the pod's PID 1, a child of the process ``supervisor``, to halt; return whether there is
    one that takes the signal.

    Not by way of nspawn, which takes a second SIGTERM for "at once" and kills the pod. The caller
    makes sure that ``supervisor`` is not another process by now.
    """
    for child in procfs.children(supervisor):
        try:
            with Process(child) as process:
                is_child = child in procfs.children(supervisor)  # and no other process by now
                if is_child and takes_halt_signal(child) and process.send(HALT_SIGNAL):
                    return True
        except ProcessLookupError:
            continue
    return False


def is_nspawn(pid: int) -> bool:
    """Return whether the process executes systemd-nspawn by now."""
    return _program(pid) == _NSPAWN


def _bit(signal: int) -> int:
    return 1 << (signal - 1)


def _child_pid1(pod: Pod) -> Process | None:
    parent = read_number(f"{pod.path}/ppid")
    if parent is None:
        return None
    found = [child for child in procfs.children(parent) if _is_pid1(child)]
    if len(found) > 1:
        raise ChildrenError(parent)
    if not found:
        return None
    process = _hold(found[0])
    if process is None:
        return None
    if _is_pid1(process.pid) and procfs.parent(process.pid) == parent:
        return process
    process.close()
    return None


def _is_pid1(pid: int) -> bool:
    return procfs.is_pid1(pid) and not is_nspawn(pid)


def _belongs(pid: int, pod: Pod) -> bool:
    """Return whether the process is the pod's: it was told the UUID, or holds the pod's lock."""
    if pod.uuid.encode() in procfs.read(f"/proc/{pid}/cmdline"):
        return True
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for name in names:
        try:
            if os.readlink(f"/proc/{pid}/fd/{name}") == pod.path:
                return True
        except OSError:
            continue
    return False


def _hold(pid: int) -> Process | None:
    try:
        return Process(pid)
    except (OSError, OverflowError):  # a damaged file may hold any number
        return None


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _pause(pod: Pod, deadline: float | None) -> None:
    if pod.state() != State.RUNNING:
        raise NotRunningError(pod.uuid)
    if deadline is not None and time.monotonic() >= deadline:
        raise NotReadyError(pod.uuid)
    time.sleep(_POLL)


def _program(pid: int) -> str:
    """Return the name of the program a process executes, by link if we may read that.

    An upgrade of the host removes programs that go on running; the link says so (proc(5)).
    """
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)")
    except OSError:
        return procfs.read(f"/proc/{pid}/comm").decode("utf-8", "replace").strip()
