"""``rm``: delete pods now, whatever they were waiting for."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.files import is_full
from rktpy.pod.after import sweep
from rktpy.pod.lifecycle import PodGoneError, PodMoveError, PodNotFoundError, open_pod
from rktpy.pod.phase import State
from rktpy.value import Value
from rktpy.verbs.lookup import PodLookupError
from rktpy.verbs.network.leaving import leave_networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rktpy.layout import Layout
    from rktpy.pod.lifecycle import Pod
    from rktpy.verbs.site import Site

MOVED_ABORTED = "moved-aborted"
MOVED_PREPARED = "moved-prepared"
REMOVED = "removed"
FAILED = "failed"

_REFUSALS = {
    State.RUNNING: "running",
    State.EMBRYO: "being prepared",
    State.PREPARING: "being prepared",
    State.DELETING: "being deleted",
}

# As rkt: an exited pod that is being deleted is waited for, one that never ran is refused.
_DELETABLE = (State.EXITED_GARBAGE, State.EXITED_DELETING, State.GARBAGE)

_MISSING = (PodNotFoundError, PodGoneError)

_MARKS = {
    State.EXITED: (sweep.mark_exited, ""),
    State.ABORTED_PREPARE: (sweep.mark_aborted, MOVED_ABORTED),
    State.PREPARED: (sweep.mark_prepared, MOVED_PREPARED),
}


class InUseError(RktError):
    """The pod is in a state that ``rm`` does not interrupt."""

    def __init__(self, uuid: str, state: str) -> None:
        hint = f"stop it with: rktpy stop {uuid}" if state == State.RUNNING else None
        super().__init__(f"pod {quote(uuid)} is currently {_REFUSALS[state]}", hint=hint)
        self.state = state


class RmEvent(Value):
    """One thing to tell: the pod was marked, removed, or why it was not."""

    kind: str
    uuid: str
    error: RktError | None = None


def remove_pods(
    site: Site, texts: Sequence[str], *, ignore_missing: bool = False
) -> Iterator[RmEvent]:
    """Delete the pods named by ``texts``; yield what happened, failures included.

    With ``ignore_missing`` a pod that does not exist, or no longer, yields nothing.

    All are marked first and then deleted, several at a time. Work and memory depend on the pods
    named, not on those around them.
    """
    marked: dict[str, Pod] = {}
    for text in texts:
        try:
            pod = _find(site.layout, text)
            if pod.uuid in marked:
                continue
            kind = _mark(pod)
        except RktError as error:
            if not (ignore_missing and isinstance(error.__cause__, _MISSING)):
                yield RmEvent(FAILED, text, error)
            continue
        marked[pod.uuid] = pod
        if kind:
            yield RmEvent(kind, pod.uuid)
    for outcome in sweep.delete_all(site.layout, list(marked.values()), leave_networks):
        kind = FAILED if outcome.messages else REMOVED
        yield RmEvent(kind, outcome.uuid, outcome.error)


def mark_pod(pod: Pod) -> str:
    """Bring a pod where it may be deleted; return what to tell the user, "" for nothing.

    Losing a rename to a ``gc`` or ``run-prepared`` means looking again at what it is now.

    Raises:
        InUseError: it runs, or is being prepared.
        PodGoneError: somebody else has deleted it.
        PodMoveError: it cannot be marked.
    """
    while True:
        state = pod.state()
        if state in _DELETABLE:
            return ""
        if state not in _MARKS:
            raise InUseError(pod.uuid, state)
        mark, kind = _MARKS[state]
        if _marked(pod, mark):
            return kind
        pod.refresh()


def _find(layout: Layout, text: str) -> Pod:
    try:
        return open_pod(layout, text)
    except RktError as error:
        raise PodLookupError from error


def _mark(pod: Pod) -> str:
    try:
        return mark_pod(pod)
    except PodGoneError as error:
        raise PodLookupError from error


def _marked(pod: Pod, mark: Callable[[Pod], bool]) -> bool:
    try:
        return mark(pod)
    except PodMoveError as error:
        if not is_full(error.__cause__):
            raise
    sweep.make_room(pod)
    return mark(pod)
