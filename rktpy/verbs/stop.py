"""``stop``: ask pods to end, or kill them. It does not wait for the end of those that it asks."""

from __future__ import annotations

import os
import time

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host import procfs
from rktpy.host.pidfd import Process
from rktpy.pod.after.teardown import SurvivorsError, kill_survivors
from rktpy.pod.lifecycle import PodGoneError, open_pod
from rktpy.pod.phase import State, after_run
from rktpy.pod.state import pids
from rktpy.pod.state.frozen import check_not_frozen
from rktpy.pod.state.record import read_json
from rktpy.value import Value
from rktpy.verbs.lookup import PodLookupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from signal import SIGKILL, SIGTERM

    from rktpy.pod.lifecycle import Pod
    from rktpy.verbs.site import Site
else:
    from _signal import SIGKILL, SIGTERM  # ``signal`` imports enum

STOPPED = "stopped"
ALREADY_STOPPED = "already-stopped"
FAILED = "failed"

STOP_ENTRYPOINT = "coreos.com/rkt/stage1/stop"

_START_PATIENCE = 5.0  # seconds a starting pod gets to become able to halt
_KILL_PATIENCE = 5.0
_POLL = 0.005


class NotRunningError(RktError):
    """The pod has not been started yet."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"pod {quote(uuid)} is not running")


class StopError(RktError):
    """The pod could not be told to end."""


class StopEvent(Value):
    """What became of one pod; ``error`` with ``FAILED`` only."""

    kind: str
    uuid: str
    error: RktError | None = None


def stop_pods(site: Site, texts: Sequence[str], *, force: bool) -> Iterator[StopEvent]:
    """Stop the pods named by ``texts``, one after the other, and yield what became of each."""
    for text in texts:
        try:
            pod = open_pod(site.layout, text)
        except RktError as error:
            lookup = PodLookupError()
            lookup.__cause__ = error
            yield StopEvent(FAILED, text, lookup)
            continue
        try:
            kind = STOPPED if stop_pod(pod, force=force) else ALREADY_STOPPED
            yield StopEvent(kind, pod.uuid)
        except RktError as error:
            yield StopEvent(FAILED, pod.uuid, error)


def stop_pod(pod: Pod, *, force: bool) -> bool:
    """Ask ``pod`` to end, or kill it; return False if it has ended before.

    Raises:
        PodLookupError: it is gone.
        NotRunningError: it was not started yet.
        RktError: it is frozen, of a foreign stage1, or cannot be told.
    """
    try:
        state = pod.state()
    except PodGoneError as error:
        raise PodLookupError from error
    if after_run(state):
        if force:
            kill_survivors(pod)  # of a supervisor that was killed, and so could end nobody
        return False
    if state != State.RUNNING:
        raise NotRunningError(pod.uuid)
    _check_flavour(pod)
    if not force:  # SIGKILL reaches the frozen
        check_not_frozen(pod, instead=f"kill it with: rktpy stop --force {pod.uuid}")
    try:
        (_kill if force else _ask)(pod)
    except pids.NotRunningError:
        return False  # it ended by itself while we looked
    except (RktError, OSError) as error:
        raise StopError(f"error stopping {quote(pod.uuid)}") from error
    return True


def _check_flavour(pod: Pod) -> None:
    """Refuse a stage1 that is not ours.

    Raises:
        StopError: we do not know how to stop this one.
    """
    from rktpy.nspawn.stage1 import BUILTIN_ANNOTATION

    try:
        manifest = _stage1_manifest(pod)
        notes = {note["name"]: note["value"] for note in manifest.get("annotations") or ()}
    except (RktError, OSError, TypeError, KeyError, AttributeError) as error:
        raise StopError(f"error stopping {quote(pod.uuid)}") from error
    if notes.get(BUILTIN_ANNOTATION) == "nspawn":
        return
    reason = "calling its entry point is not supported yet"
    if STOP_ENTRYPOINT not in notes:
        reason = f"its manifest has no annotation {STOP_ENTRYPOINT}"
    cause = RktError(f"{manifest.get('name')}: {reason}")
    raise StopError("rkt stop not implemented for pod's stage1") from cause


def _stage1_manifest(pod: Pod) -> dict[str, list[dict[str, str]]]:
    fd = os.open(pod.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        manifest: dict[str, list[dict[str, str]]] = read_json(
            "stage1/manifest", fd, "stage1 manifest"
        )
    finally:
        os.close(fd)
    return manifest


def _ask(pod: Pod) -> None:
    """Ask the pod's PID 1 to halt, as nspawn would on SIGTERM; repeating it changes nothing.

    Only while there is no PID 1 yet that could be asked, SIGTERM goes to nspawn.
    """
    with pids.find_supervisor(pod, timeout=_START_PATIENCE) as supervisor:
        deadline = time.monotonic() + _START_PATIENCE
        while pids.is_nspawn(supervisor.pid) and time.monotonic() < deadline:
            if pids.ask_to_halt(supervisor.pid) or supervisor.wait(_POLL):
                return
        supervisor.send(SIGTERM)


def _kill(pod: Pod) -> None:
    """Kill what is in the pod, then the supervisor; the other order leaves the pod alive."""
    with pids.find_supervisor(pod, timeout=_START_PATIENCE) as supervisor:
        for child in procfs.children(supervisor.pid):
            try:
                with Process(child) as process:
                    if child in procfs.children(supervisor.pid):
                        process.send(SIGKILL)
            except ProcessLookupError:
                continue
        supervisor.send(SIGKILL)
        supervisor.wait(_KILL_PATIENCE)
    # Killed while it was starting, nspawn may have had a child that we did not see.
    try:
        kill_survivors(pod)
    except (SurvivorsError, OSError) as error:
        raise StopError("processes of the pod are left", hint="try: rktpy gc") from error
