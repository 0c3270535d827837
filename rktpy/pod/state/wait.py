"""Waiting until a pod is up, or has ended."""

from __future__ import annotations

import fcntl
import os
import time

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.pod.lifecycle import PodGoneError
from rktpy.pod.phase import Phase, State, after_run
from rktpy.pod.state.appstate import is_ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.pod.lifecycle import Pod

_POLL = 0.01  # seconds
_IDLE_POLL = 0.1  # for a prepared pod: nothing to wait on, and starting it takes longer than that


class WaitTimeoutError(RktError):
    """The time given for waiting is over."""

    def __init__(self) -> None:
        super().__init__("context deadline exceeded")


class EndedError(RktError):
    """The pod has ended, so it will not be ready."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"pod {quote(uuid)} is not running anymore")


def wait_ready(pod: Pod, timeout: float | None) -> None:
    """Wait until the pod's units are up, at most ``timeout`` seconds, ``None`` for ever.

    Raises:
        WaitTimeoutError: it took longer.
        EndedError: the pod ended, or its preparation was given up.
    """
    deadline = _deadline(timeout)
    while True:
        ready = is_ready(pod)  # nothing takes the mark back, so it counts only while the pod runs
        if _over(pod):
            raise EndedError(pod.uuid)
        if ready:
            return
        _sleep(_POLL, deadline)


def wait_finished(pod: Pod, timeout: float | None) -> None:
    """Wait until the pod has ended (or is gone), at most ``timeout`` seconds, ``None`` for ever.

    A pod that is not running yet is waited for as well.

    Raises:
        WaitTimeoutError: it took longer.
    """
    deadline = _deadline(timeout)
    while not _over(pod):
        if pod.phase == Phase.PREPARED:
            _sleep(_IDLE_POLL, deadline)
        elif deadline is None:
            _await_unlock(pod)
        else:
            _sleep(_POLL, deadline)


def _over(pod: Pod) -> bool:
    try:
        if pod.phase == Phase.PREPARED:
            pod.refresh()  # its state asks for no lock, so nothing else notices that it was moved
        state = pod.state()
    except PodGoneError:
        return True
    return after_run(state) or state == State.ABORTED_PREPARE


def _await_unlock(pod: Pod) -> None:
    """Sleep in the kernel until nobody holds the pod."""
    try:
        fd = os.open(pod.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # moved: the caller looks again
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _sleep(seconds: float, deadline: float | None) -> None:
    if deadline is not None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise WaitTimeoutError
        seconds = min(seconds, left)
    time.sleep(seconds)
