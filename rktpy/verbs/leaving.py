"""What ``gc``, ``rm`` and a start that failed do with the networks of a pod that ended."""

from __future__ import annotations

import os

from rktpy import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.pod.lifecycle import Pod

_logger = log.Logger("gc")


def leave_networks(pod: Pod) -> None:
    """Take back what ``pod`` has of networks. Its lock is held. Failures are told, never raised:
    a pod must not stay for ever because of a plugin that is gone."""
    if not os.path.lexists(f"{pod.path}/netns"):
        return  # it never had one, or has left it
    from rktpy.net.attach import detach

    for error in detach(pod.path, pod.uuid, os.environ):
        _logger.warning("pod %s: %s", pod.uuid, error)
