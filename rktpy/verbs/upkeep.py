"""Networks of pods that run, as ``gc`` and ``network`` look after them."""

from __future__ import annotations

import os

from rktpy import log
from rktpy.errors import RktError
from rktpy.pod.lifecycle import pods
from rktpy.pod.phase import Phase, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.layout import Layout
    from rktpy.net.upkeep import Standing
    from rktpy.pod.lifecycle import Pod

_logger = log.Logger("networking")


def restore_rules(layout: Layout) -> None:
    """Bring back rules of the firewall that running pods have lost. Failures are told only: what
    ``gc`` is for must be done whatever became of the firewall."""
    standing = []
    for pod in pods(layout, (Phase.RUN,)):
        try:
            one = standing_of(pod)
        except (RktError, OSError) as error:
            _logger.warning("pod %s: %s", pod.uuid, error)
            continue
        if one is not None:
            standing.append(one)
    if not standing:
        return
    from rktpy.net import upkeep

    try:
        for uuid in upkeep.restore(standing):
            _logger.warning("pod %s: brought back its rules, the firewall had lost them", uuid)
    except RktError as error:
        _logger.warning("%s", error)


def standing_of(pod: Pod) -> Standing | None:
    """Return what ``net.upkeep`` wants to know of ``pod``, None if it does not run or has no
    network of its own.

    Raises:
        RktError: its manifest is damaged.
        OSError: it has gone.
    """
    if not os.path.lexists(f"{pod.path}/netns") or pod.state() != State.RUNNING:
        return None
    from rktpy.net.upkeep import Standing
    from rktpy.verbs.publishing import published

    return Standing(pod.uuid, pod.path, published(pod.manifest()))
