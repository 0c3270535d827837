"""``rktpy logs`` (ours): what the apps of a pod wrote, while it runs and after it ended.

The pod's own journald keeps the lines below the pod directory, so they are there as long as the pod
is, with or without systemd on the host.
"""

from __future__ import annotations

import os
import select

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.pod.lifecycle import PodGoneError
from rktpy.pod.phase import State
from rktpy.pod.state.appstate import stage1_state_dir
from rktpy.resource import Resource
from rktpy.systemd.journal import CURSOR, JournalError, Query, Reader, read_all
from rktpy.value import Value
from rktpy.verbs.lookup import RetrieveError, retrieve_pod
from rktpy.verbs.report.loglines import JsonPrinter, TextPrinter, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.pod.lifecycle import Pod
    from rktpy.systemd.journal import Entry
    from rktpy.verbs.report.loglines import Printer
    from rktpy.verbs.site import Site

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_LOOK = 0.2  # seconds between two looks whether the pod still runs
_START = 0.02  # the same for a journal that is about to be made


class LogsRequest(Value):
    """``uuid`` as typed; all apps if ``app`` is empty, all lines if ``lines`` is -1."""

    uuid: str
    app: str = ""
    follow: bool = False
    since: str = ""  # as systemd.time(7) has it
    lines: int = -1
    timestamps: bool = False
    format: str = ""  # "", "json" or "json-pretty"


class NoJournalError(RktError):
    """The pod has written no journal."""

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f"pod {quote(uuid)} has no journal", hint=f"has it been started? rktpy status {uuid}"
        )


class Journal(Resource):
    """The directory of a pod's journal, also if ``gc`` marks the pod now, which renames it.

    ``path`` is for programs that we start; it leads nowhere after ``close``.
    """

    __slots__ = ("_fd", "path")

    def __init__(self, pod: Pod, *, wait: bool) -> None:
        """Open it; with ``wait`` a pod that has just been started may not have it yet.

        Raises:
            NoJournalError: the pod has none.
            RetrieveError: the pod is in no phase any more.
        """
        self._fd = self._open(pod)
        while self._fd < 0:
            if not wait or not _runs(pod):
                raise NoJournalError(pod.uuid)
            select.select([], [], [], _START)
            self._fd = self._open(pod)
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"

    def close(self) -> None:
        """Let go of it; twice is fine."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @staticmethod
    def _open(pod: Pod) -> int:
        """Return a descriptor, -1 for nothing there, wherever the pod is by now."""
        while True:
            phase = pod.phase
            below = f"var/log/journal/{pod.uuid.replace('-', '')}"
            try:
                return os.open(f"{stage1_state_dir(pod)}/{below}", _DIRECTORY)
            except OSError:
                try:
                    pod.refresh()
                except PodGoneError as error:
                    raise RetrieveError from error
                if pod.phase == phase:
                    return -1


def logs(site: Site, request: LogsRequest, *, reader: int) -> Iterator[bytes]:
    """Yield what is to be printed; with ``follow`` until the pod has ended.

    ``reader`` is the descriptor it is printed to: when nobody reads it any more, following ends.

    Raises:
        RktError: the pod or the app is not there, or nothing was logged yet.
        BrokenPipeError: nobody reads.
    """
    pod, apps = _pod_and_apps(site, request)
    printer: Printer
    if request.format:
        printer = JsonPrinter(apps, pretty=request.format == "json-pretty")
    else:
        printer = TextPrinter(apps, timestamps=request.timestamps)
    with Journal(pod, wait=request.follow) as journal:
        query = Query(journal.path, matches(apps), since=request.since, lines=request.lines)
        for entries in _follow(pod, query, reader) if request.follow else read_all(query):
            if text := printer(entries):
                yield text


def _pod_and_apps(site: Site, request: LogsRequest) -> tuple[Pod, tuple[str, ...]]:
    pod = retrieve_pod(site, request.uuid)
    try:
        apps = tuple(str(app.name) for app in pod.manifest().apps)
    except (RktError, OSError) as error:
        raise RetrieveError from error
    if request.app and request.app not in apps:
        raise RktError(
            f"app {quote(request.app)} is not present in pod {quote(pod.uuid)}",
            hint=f"its apps are: {', '.join(apps)}",
        )
    return pod, (request.app,) if request.app else apps


def _follow(pod: Pod, query: Query, reader: int) -> Iterator[list[Entry]]:
    """Yield entries as they come. When the pod has ended, what is left is read to the end."""
    with Reader(query, follow=True) as journal:
        poll = select.poll()
        poll.register(journal.output, select.POLLIN)
        poll.register(reader, 0)  # nothing but its end
        while True:
            ready = [fd for fd, _ in poll.poll(_LOOK * 1000)]
            if reader in ready:
                raise BrokenPipeError
            if not ready:
                if not _runs(pod):
                    break
                continue
            entries = journal.read()
            if entries is None:
                if _runs(pod):
                    raise JournalError("journalctl has ended, but the pod has not")
                break
            if entries:
                query = query.replace(after=entries[-1][CURSOR].decode())
                yield entries
    if query.after:
        query = query.replace(lines=-1)
    yield from read_all(query)


def _runs(pod: Pod) -> bool:
    try:
        return pod.state() == State.RUNNING
    except PodGoneError:
        return False
