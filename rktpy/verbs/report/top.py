"""``rktpy top`` (ours): what running pods and their apps use, from their control groups."""

from __future__ import annotations

import time

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.cgroup.files import read
from rktpy.host.cgroup.hierarchy import parse_mountinfo
from rktpy.pod.lifecycle import PodGoneError, open_pod, pods
from rktpy.pod.naming import name_in
from rktpy.pod.phase import Phase, State
from rktpy.pod.state.record import Recently, read_record
from rktpy.pod.state.usage import app_usage, pod_places, pod_usage
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.host.cgroup.hierarchy import Hierarchy
    from rktpy.host.cgroup.usage import Usage
    from rktpy.pod.lifecycle import Pod
    from rktpy.verbs.site import Site

_SECOND = 1_000_000_000


class TopRequest(Value):
    """The pods named by ``texts``, or all that run; figures over ``interval`` ns."""

    texts: tuple[str, ...] = ()
    interval: int = _SECOND


class Row(Value):
    """One pod, or one app of it, over an interval. ``cpu_percent`` of one processor; None where
    a figure is not known."""

    usage: Usage
    cpu_percent: float | None
    app: str = ""


class PodRows(Value):
    """One pod: the whole of it, and each app that runs."""

    uuid: str
    name: str
    whole: Row
    apps: tuple[Row, ...]


class NotRunningError(RktError):
    """A pod that was named does not run."""

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f"pod {quote(uuid)} isn't currently running", hint=f"see: rktpy status {uuid}"
        )


class _Sample:
    """One pod at one moment: when, and what the whole ("") and each app had used by then."""

    __slots__ = ("at", "name", "usages", "uuid")

    def __init__(self, uuid: str, name: str, usages: dict[str, Usage]) -> None:
        self.uuid = uuid
        self.name = name
        self.at = time.monotonic_ns()
        self.usages = usages


def watch(site: Site, request: TopRequest) -> Iterator[list[PodRows]]:
    """Yield what pods use, once per interval.

    Pods that start or end meanwhile come and go. With an interval of 0 there is one measurement
    only, at once and without percentages.

    Raises:
        RktError: a pod that was named is not there, or does not run.
    """
    look = _Looker(site, request.texts)
    look.check()
    before: dict[str, _Sample] = {} if not request.interval else look.samples()
    while True:
        time.sleep(request.interval / _SECOND)
        now = look.samples()
        yield [_rows(sample, before.get(uuid)) for uuid, sample in now.items()]
        before = now
        if not request.interval:
            return


class _Looker:
    """Reads the pods asked for. What never changes of them is read once."""

    def __init__(self, site: Site, texts: tuple[str, ...]) -> None:
        self._layout = site.layout
        self._named = [open_pod(site.layout, text) for text in texts]
        self._recently = Recently()
        self._hierarchies = parse_mountinfo(read("/proc/self/mountinfo"))

    def check(self) -> None:
        for pod in self._named:
            if pod.state() != State.RUNNING:
                raise NotRunningError(pod.uuid)

    def samples(self) -> dict[str, _Sample]:
        found = {}
        for pod in self._named or pods(self._layout, (Phase.RUN,)):
            try:
                record = read_record(pod, self._recently)
            except PodGoneError:
                continue
            if record.state == State.RUNNING:
                apps = [app.name for app in record.apps]
                usages = _usages(pod, apps, self._hierarchies)
                found[pod.uuid] = _Sample(pod.uuid, name_in(record.manifest), usages)
        return found


def _usages(pod: Pod, apps: list[str], hierarchies: tuple[Hierarchy, ...]) -> dict[str, Usage]:
    places = pod_places(pod, hierarchies)
    usages = {"": pod_usage(places)}
    for app in apps:
        usage = app_usage(app, places, hierarchies)
        if usage is not None:
            usages[app] = usage
    return usages


def _rows(now: _Sample, before: _Sample | None) -> PodRows:
    rows = [Row(usage, _percent(app, now, before), app) for app, usage in now.usages.items()]
    return PodRows(now.uuid, now.name, rows[0], tuple(rows[1:]))


def _percent(app: str, now: _Sample, before: _Sample | None) -> float | None:
    """Return the share of one processor; None for what was not there at both moments."""
    if before is None or app not in before.usages:
        return None
    end, start = now.usages[app].cpu, before.usages[app].cpu
    if end is None or start is None or now.at <= before.at:
        return None
    return max(end - start, 0) * 100 / (now.at - before.at)
