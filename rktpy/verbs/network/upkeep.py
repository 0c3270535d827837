"""Checks and restores the networks of running pods, for ``gc`` and ``network``."""

from __future__ import annotations

import os

from rktpy import log
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.layout import RUNTIME_DIR
from rktpy.pod.lifecycle import open_pod, pods
from rktpy.pod.phase import Phase, State
from rktpy.pod.state.pids import NotReadyError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rktpy.layout import Layout
    from rktpy.net.upkeep import Standing
    from rktpy.pod.lifecycle import Pod

_logger = log.Logger("networking")


class NotConnectedError(RktError):
    """The pod does not run, or has no network of its own."""

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f"pod {quote(uuid)} is in no network now", hint=f"see: rktpy status {uuid}"
        )


class Finding(Value):
    """What became of one pod; ``error`` is None if its networks are as they should be, and
    ``restored`` says that they were not before."""

    uuid: str
    error: RktError | None = None
    restored: bool = False


def check_networks(layout: Layout, texts: Sequence[str]) -> Iterator[Finding]:
    """Check the networks of the pods that ``texts`` name, or of all running pods if it is empty;
    pods that are still joining theirs are none of these."""
    from rktpy.net import upkeep
    from rktpy.net.runtime import is_running

    for finding, standing in _chosen(layout, texts):
        if standing is None:
            yield finding
            continue
        try:
            upkeep.check(standing, os.environ)
        except RktError as error:
            if is_running(standing.pod):
                yield finding.replace(error=error)
            elif texts:  # it ended meanwhile, and who collects it takes all of this away
                yield finding.replace(error=NotConnectedError(finding.uuid))
        else:
            yield finding


def reload_networks(layout: Layout, texts: Sequence[str]) -> Iterator[Finding]:
    """Restore firewall rules that pods have lost; ``texts`` as for ``check_networks``."""
    from rktpy.net import upkeep

    for finding, standing in _chosen(layout, texts):
        if standing is None:
            yield finding
            continue
        try:
            failures = [failure for _, failure in upkeep.restore((standing,))]
        except RktError as error:
            failures = [error]
        yield finding.replace(restored=failures == [None], error=next(iter(failures), None))


def _chosen(layout: Layout, texts: Sequence[str]) -> Iterator[tuple[Finding, Standing | None]]:
    """Yield what there is to look at: without a ``Standing`` the finding stands already."""
    from rktpy.net.record import is_joining
    from rktpy.net.runtime import is_running

    if not texts:
        for pod in pods(layout, (Phase.RUN,)):
            try:
                standing = standing_of(pod)
            except (RktError, OSError) as error:
                yield Finding(pod.uuid, _told(error)), None
                continue
            if standing is not None:
                yield Finding(pod.uuid), standing
        return
    for text in texts:
        try:
            pod = open_pod(layout, text)
            joining = is_joining(pod.path)
            standing = standing_of(pod)
        except (RktError, OSError) as error:
            yield Finding(text, _told(error)), None
            continue
        if standing is None:
            joining = (joining or is_joining(pod.path)) and is_running(pod.path)
            problem = NotReadyError(pod.uuid) if joining else NotConnectedError(pod.uuid)
            yield Finding(pod.uuid, problem), None
        else:
            yield Finding(pod.uuid), standing


def _told(error: RktError | OSError) -> RktError:
    return error if isinstance(error, RktError) else RktError(str(error))


def settle_debts() -> None:
    """Remove firewall rules that could not be removed when their pod ended. Failures are only
    logged."""
    try:
        if not os.listdir(f"{RUNTIME_DIR}/net/owed"):
            return
    except FileNotFoundError:
        return
    from rktpy.net import debts

    for uuid, error in debts.settle():
        if error:
            _logger.warning("pod %s, which is gone: %s", uuid, error)


def restore_rules(layout: Layout) -> None:
    """Restore firewall rules that running pods have lost. Failures are only logged: they must not
    keep ``gc`` from its work."""
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
        for uuid, failure in upkeep.restore(standing):
            if failure is None:
                _logger.warning("pod %s: brought back its rules, the firewall had lost them", uuid)
            else:
                _logger.warning("pod %s: cannot bring back its rules: %s", uuid, failure)
    except RktError as error:
        _logger.warning("%s", error)


def standing_of(pod: Pod) -> Standing | None:
    """Return what ``net.upkeep`` wants to know of ``pod``, None if it does not run, has no network
    of its own, or is still joining.

    Raises:
        RktError: its manifest is damaged.
        OSError: it has gone.
    """
    if not os.path.lexists(f"{pod.path}/netns") or pod.state() != State.RUNNING:
        return None
    from rktpy.net.record import is_joining

    if is_joining(pod.path):
        return None
    from rktpy.net.upkeep import Standing
    from rktpy.verbs.network.publishing import published

    return Standing(pod.uuid, pod.path, published(pod.manifest()))
