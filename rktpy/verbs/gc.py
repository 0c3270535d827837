"""``gc``: mark pods that ended, delete those marked long enough ago.

Per-pod failures are events; only a directory that cannot be walked ends the run.
"""

from __future__ import annotations

import time

from rktpy.errors import RktError
from rktpy.pod.after import sweep
from rktpy.pod.after.ending import ending_of
from rktpy.pod.lifecycle import pods
from rktpy.pod.phase import Phase
from rktpy.value import Value
from rktpy.verbs.network.leaving import leave_networks
from rktpy.verbs.network.upkeep import restore_rules, settle_debts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rktpy.layout import Layout
    from rktpy.pod.lifecycle import Pod
    from rktpy.verbs.site import Site

MOVED_EXITED = "moved-exited"
MOVED_ABORTED = "moved-aborted"
MOVED_EXPIRED = "moved-expired"
WITHIN_GRACE = "within-grace"
COLLECTING = "collecting"
FAILED = "failed"


class WalkError(RktError):
    """A directory of pods cannot be read."""


class GcRequest(Value):
    """Ages in nanoseconds."""

    grace_period: int
    expire_prepared: int
    mark_only: bool = False


class GcEvent(Value):
    """One thing to tell about one pod; ``error`` with ``FAILED`` only."""

    kind: str
    uuid: str
    error: RktError | None = None


def collect(site: Site, request: GcRequest) -> Iterator[GcEvent]:
    """Mark and delete; yield what happens, ``COLLECTING`` before a pod is deleted.

    Raises:
        WalkError: a directory of pods cannot be read.
    """
    layout = site.layout
    yield from _marks(
        layout, Phase.RUN, sweep.mark_exited, MOVED_EXITED, "failed to rename exited pods"
    )
    yield from _marks(
        layout, Phase.PREPARE, sweep.mark_aborted, MOVED_ABORTED, "failed to rename aborted pods"
    )
    if request.mark_only:
        return
    settle_debts()
    restore_rules(layout)
    try:
        sweep.sweep_embryos(layout)
    except OSError as error:
        raise WalkError("failed to remove abandoned embryos") from error

    def expire(pod: Pod) -> bool:
        age = request.expire_prepared
        return _has_passed(sweep.marked_at(pod), age) and sweep.mark_prepared(pod)

    yield from _marks(
        layout, Phase.PREPARED, expire, MOVED_EXPIRED, "failed to rename expired prepared pods"
    )
    due: list[Pod] = []
    for pod in _walk(layout, Phase.EXITED_GARBAGE, "failed to empty exitedGarbage"):
        event = _judge(pod, request.grace_period)
        if event is not None:
            yield event
            if event.kind == COLLECTING:
                due.append(pod)
    for pod in _walk(layout, Phase.GARBAGE, "failed to empty garbage"):
        yield GcEvent(COLLECTING, pod.uuid)
        due.append(pod)
    for outcome in sweep.delete_all(layout, due, leave_networks):
        if outcome.messages:
            yield GcEvent(FAILED, outcome.uuid, outcome.error)


def _marks(
    layout: Layout, phase: str, mark: Callable[[Pod], bool], kind: str, failure: str
) -> Iterator[GcEvent]:
    for pod in _walk(layout, phase, failure):
        try:
            if mark(pod):
                yield GcEvent(kind, pod.uuid)
        except FileNotFoundError:
            continue  # another gc, rm or run-prepared was faster
        except (RktError, OSError) as error:
            problem = RktError("rename error")
            problem.__cause__ = error
            yield GcEvent(FAILED, pod.uuid, problem)


def _walk(layout: Layout, phase: str, failure: str) -> Iterator[Pod]:
    try:
        yield from pods(layout, (phase,))
    except OSError as error:
        raise WalkError(failure) from error


def _judge(pod: Pod, grace: int) -> GcEvent | None:
    try:
        ending = ending_of(pod, sweep.marked_at(pod))
        if ending is None or _has_passed(ending.at, grace):
            return GcEvent(COLLECTING, pod.uuid)
        sweep.finish_mark(pod)
        return GcEvent(WITHIN_GRACE, pod.uuid)
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = RktError(f'unable to stat "{pod.path}", ignoring')
        problem.__cause__ = error
        return GcEvent(FAILED, pod.uuid, problem)


def _has_passed(since: int, age: int) -> bool:
    return time.time_ns() >= since + age
