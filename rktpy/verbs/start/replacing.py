"""Taking a pod's name over: whoever has it makes way, and is removed (``--replace``).

A kill at any point leaves what ``rm`` and ``gc`` know: a pod that was asked to end, one that is
marked, a name that leads to nobody. The next start with ``--replace`` goes on from there. Of
several such starts each waits for the one that has the name, never the other way round, and so
the last one stays.
"""

from __future__ import annotations

import time

from rktpy import log
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.pod.after import sweep
from rktpy.pod.after.teardown import leftover_mounts
from rktpy.pod.lifecycle import PodGoneError, PodNotFoundError, open_pod
from rktpy.pod.phase import State
from rktpy.verbs.network.leaving import leave_networks
from rktpy.verbs.rm import InUseError, mark_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.layout import Layout
    from rktpy.pod.lifecycle import Pod

_STOP_PATIENCE = 10.0  # seconds a pod gets to end in order, as with podman
_KILL_PATIENCE = 5.0
_PATIENCE = 60.0  # in all; a pod that is being prepared writes all it has to disk
_POLL = 0.01
_logger = log.Logger("run")


class ReplaceError(RktError):
    """The pod that has the name does not make way."""

    def __init__(self, uuid: str, name: str) -> None:
        super().__init__(f"cannot replace pod {quote(uuid)}, which has the name {quote(name)}")


def make_way(layout: Layout, name: str, uuid: str) -> None:
    """Remove the pod ``uuid``, which has ``name``; it is fine if it is gone already.

    One that runs is asked to end before, and killed if it does not within ten seconds. One that
    is being prepared is waited for. Nothing keeps the name from being taken again meanwhile.

    Raises:
        ReplaceError: it does not end, is frozen, or cannot be removed; it keeps the name.
    """
    try:
        pod = open_pod(layout, uuid)
        _condemn(pod, name)
        sweep.delete(pod, leftover_mounts(layout), leave_networks)
    except (PodNotFoundError, PodGoneError):
        return  # somebody else was faster
    except (RktError, OSError) as error:
        raise ReplaceError(uuid, name) from error


def _condemn(pod: Pod, name: str) -> None:
    """Bring ``pod`` where it may be deleted."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            mark_pod(pod)
        except InUseError as error:
            if time.monotonic() > deadline:
                raise
            if error.state == State.RUNNING:
                _stop(pod, name)
            else:
                time.sleep(_POLL)
        else:
            return


def _stop(pod: Pod, name: str) -> None:
    from rktpy.pod.state.wait import WaitTimeoutError, wait_finished
    from rktpy.verbs.stop import stop_pod

    _logger.warning("stopping pod %s, which has the name %s", pod.uuid, name)
    try:
        stop_pod(pod, force=False)
        wait_finished(pod, _STOP_PATIENCE)
    except WaitTimeoutError:
        _logger.warning("pod %s does not end, so it is killed", pod.uuid)
        stop_pod(pod, force=True)
        wait_finished(pod, _KILL_PATIENCE)
    except (RktError, OSError):
        if pod.state() == State.RUNNING:
            raise
        # It ended meanwhile, and somebody else has begun to delete it.
