"""``status``: one pod, perhaps after waiting for it."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.pod.after.ending import ending_of
from rktpy.pod.phase import State
from rktpy.pod.state.appstate import exit_codes, short_of_memory
from rktpy.pod.state.frozen import frost_of_pod
from rktpy.pod.state.pids import recorded_pid
from rktpy.pod.state.record import read_record
from rktpy.pod.state.wait import WaitTimeoutError, wait_finished, wait_ready
from rktpy.value import Value
from rktpy.verbs.lookup import RetrieveError, retrieve_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rktpy.pod.after.ending import Ending
    from rktpy.pod.lifecycle import Pod
    from rktpy.pod.state.record import PodRecord
    from rktpy.verbs.site import Site

_NS = 1_000_000_000
_WITH_PID = (
    State.RUNNING,
    State.DELETING,
    State.EXITED_DELETING,
    State.EXITED,
    State.EXITED_GARBAGE,
)


class WaitError(RktError):
    """Waiting for the pod failed or took too long."""


class StatusRequest(Value):
    """Which pod, and what to wait for before. Waits: ns, 0 for none, negative for ever."""

    uuid: str
    wait_ready: int = 0
    wait: int = 0


class PodStatus:
    """What ``status`` shows. ``pid`` is None where it says nothing in this state."""

    __slots__ = ("codes", "ending", "frozen", "pid", "pod", "record", "short_of_memory")

    def __init__(
        self,
        pod: Pod,
        record: PodRecord,
        pid: int | None,
        codes: Mapping[str, int],
        short_of_memory: Sequence[str] = (),
        ending: Ending | None = None,
        *,
        frozen: bool = False,
    ) -> None:
        self.pod = pod
        self.record = record
        self.pid = pid
        self.codes = codes
        self.short_of_memory = short_of_memory  # apps of which the kernel killed something
        self.frozen = frozen  # it runs, but does not get anywhere
        self.ending = ending  # None as long as it runs, and where nothing is known

    @property
    def has_run(self) -> bool:
        """Whether the pod runs, or ran: then ``exited=`` is shown."""
        return self.record.state in _WITH_PID


def pod_status(site: Site, request: StatusRequest) -> PodStatus:
    """Wait as asked, then return the state of a pod.

    Raises:
        RetrieveError: the pod cannot be found, or vanished; the cause says why.
        WaitError: waiting failed; the cause says why.
    """
    pod = retrieve_pod(site, request.uuid)
    if request.wait_ready:
        try:
            wait_ready(pod, _seconds(request.wait_ready))
        except RktError as error:
            raise WaitError("error waiting for pod readiness") from error
    if request.wait:
        try:
            wait_finished(pod, _seconds(request.wait))
        except WaitTimeoutError as error:
            raise WaitError("error waiting for pod to finish") from error
    return _look(pod)


def _look(pod: Pod) -> PodStatus:
    try:
        record = read_record(pod)
    except RktError as error:
        raise RetrieveError from error
    pid = None
    codes: Mapping[str, int] = {}
    short: Sequence[str] = ()
    ending = None
    frozen = False
    if record.state in _WITH_PID:
        pid = recorded_pid(pod)
        if record.state == State.RUNNING:
            frozen = frost_of_pod(pod) is not None
        else:
            codes, short = exit_codes(pod), short_of_memory(pod)
            ending = ending_of(pod, record.marked)
    return PodStatus(pod, record, pid, codes, short, ending, frozen=frozen)


def _seconds(ns: int) -> float | None:
    return None if ns < 0 else ns / _NS
