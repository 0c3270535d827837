"""Takes pods that ended out of their networks: with ``gc`` and ``rm``, after a failed start, and
when a network has no free address."""

from __future__ import annotations

import os

from rktpy import log
from rktpy.errors import RktError
from rktpy.pod.after.teardown import kill_survivors
from rktpy.pod.lifecycle import PodBusyError, PodGoneError, pods
from rktpy.pod.phase import Phase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.layout import Layout
    from rktpy.pod.lifecycle import Pod

_ENDED = (Phase.EXITED_GARBAGE, Phase.GARBAGE, Phase.RUN)  # in ``run`` those that nobody locks
_ENOUGH = 16  # pods; a start that finds a network full need not wait for hundreds
_logger = log.Logger("gc")


def leave_networks(pod: Pod) -> None:
    """Release what ``pod``, which is locked, has of networks. Failures are logged, not raised: a
    pod must not stay for ever because a plugin is gone.

    Raises:
        OSError: firewall rules remain, and there is no room to note that they must be removed.
    """
    if not os.path.lexists(f"{pod.path}/netns"):
        return  # it never had one, or has left it
    from rktpy.net.attach import detach

    for error in detach(pod.path, pod.uuid, os.environ):
        _logger.warning("pod %s: %s", pod.uuid, error)


def reclaim(layout: Layout, network: str, address: str) -> bool:
    """Take some pods that ended out of ``network``; return whether any have left it since it was
    found full. If ``address`` is not empty only the pod that has it counts.

    Such a pod keeps its address until ``gc`` collects it, or until somebody needs the address. One
    that is being collected now is waited for if there is no other.
    """
    count = 0
    busy: list[Pod] = []
    for pod in pods(layout, _ENDED):
        if not _has_joined(pod, network, address):
            continue
        try:
            count += _take_out(pod, network, address, wait=False)
        except PodBusyError:
            if pod.phase != Phase.RUN:  # who runs has it for long
                busy.append(pod)
        if count == _ENOUGH:
            break
    return count > 0 or any(_take_out(pod, network, address, wait=True) for pod in busy)


def _take_out(pod: Pod, network: str, address: str, *, wait: bool) -> bool:
    """Return whether ``pod``, which was in ``network`` a moment ago, is so no more.

    Raises:
        PodBusyError: without ``wait``, somebody has it.
    """
    while True:
        try:
            with pod:
                pod.acquire(wait=wait)
                if _has_joined(pod, network, address):
                    kill_survivors(pod)  # after a SIGKILL to nspawn they have the address still
                    leave_networks(pod)
                return not _has_joined(pod, network, address)
        except PodGoneError:
            try:
                pod.refresh()  # a mark moves it
            except PodGoneError:
                return True
        except PodBusyError:
            raise
        except (RktError, OSError):
            return False


def _has_joined(pod: Pod, network: str, address: str) -> bool:
    if not os.path.lexists(f"{pod.path}/netns"):
        return False
    from rktpy.net import record

    try:
        found = [one for one in record.read(pod.path) if one.network == network]
    except RktError:
        return False
    results = [one.result for one in found if one.result is not None]
    addresses = [one.address for result in results for one in result.addresses]
    return bool(found) and (not address or any(one.startswith(f"{address}/") for one in addresses))
