"""``events``: what happens to pods, their apps and images, as it happens.

There is no daemon to ask, so this process watches the directories of pods and of the store
(``pod.events.watching``, ``store.watching``), and listens to machined where there is one. Past
events are told as far as their times are on disk or known to machined.
"""

from __future__ import annotations

import time
from collections import deque

from rktpy import log
from rktpy.errors import RktError
from rktpy.host.readiness import Readiness
from rktpy.pod.events.story import Event, Kind, Step
from rktpy.pod.events.watching import PodWatch
from rktpy.resource import Resource
from rktpy.systemd.facts import sd_booted
from rktpy.value import Value
from rktpy.verbs.report.eventfilter import Filters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rktpy.store.rows import Row
    from rktpy.systemd.registrations import Registration
    from rktpy.verbs.site import Site

_SECOND = 1_000_000_000
_logger = log.Logger("events")


class ImagesRefusedError(RktError):
    """The images may not be watched."""


class EventsRequest(Value):
    """``since`` and ``until`` in nanoseconds since 1970; without ``since`` nothing of before.

    Without ``follow`` only what was before is told. ``count`` events are told at most, 0: no limit.
    """

    since: int | None = None
    until: int | None = None
    follow: bool = True
    filters: Filters = Filters(())
    count: int = 0


def events(site: Site, request: EventsRequest, *, reader: int) -> Iterator[Event]:
    """Yield events that fit, those of before in the order of their times, then others as they come.

    Ends by itself only if ``request`` says so.

    Raises:
        BrokenPipeError: nobody reads any more what is written to ``reader``, also in between.
        RktError: pods or images may not be watched.
    """
    with _Stream(site, request, reader) as stream:
        for number, event in enumerate(stream.events(), start=1):
            yield event
            if number == request.count:
                return


class _Stream(Resource):
    def __init__(self, site: Site, request: EventsRequest, reader: int) -> None:
        self._request = request
        self._readiness = Readiness()
        self._found: deque[Event] = deque()
        self._over = False
        self._settled: Callable[[], bool] = lambda: True
        self._sources: list[Resource] = []
        self._site = site
        self._readiness.when_gone(reader, _hang_up)

    def events(self) -> Iterator[Event]:
        """Yield what is wanted until it is over."""
        now = time.time_ns()
        self._begin()
        request = self._request
        until = request.until
        while request.since is not None and not self._settled():  # what machined knows is of before
            self._readiness.wait()
        yield from self._wanted(_recorded(self._found, request.since), until)
        self._found.clear()
        if not request.follow:
            return
        if until is not None:
            self._readiness.after(max(until - now, 0) / _SECOND, self._end)
        while not self._over:
            self._readiness.wait()
            while self._found:
                event = self._found.popleft()
                if not _is_of_before(event, now if request.since is None else request.since):
                    yield from self._wanted([event], until)

    def close(self) -> None:
        while self._sources:
            self._sources.pop().close()

    def _begin(self) -> None:
        filters = self._request.filters
        if filters.may_want(Kind.POD) or filters.may_want(Kind.APP):
            self._watch_pods()
        if filters.may_want(Kind.IMAGE):
            self._watch_images()

    def _watch_pods(self) -> None:
        pods = PodWatch(
            self._site.layout,
            self._readiness,
            tell=self._found.append,
            lost=self._say_lost,
            registrations=self._registrations_of(lambda: pods.catch_up()),
        )
        self._sources.append(pods)
        pods.begin()

    def _registrations_of(self, changed: Callable[[], None]) -> Callable[[], list[Registration]]:
        """Ask machined before the pods are looked at; it may answer whenever it likes."""
        filters = self._request.filters
        if not filters.may_want_step(Step.REGISTERED, Step.UNREGISTERED):
            return list
        if not sd_booted():
            if filters.asks_for(Step.REGISTERED, Step.UNREGISTERED):
                _logger.warning("this host was not booted by systemd: no pod will be registered")
            return list
        from rktpy.systemd.registrations import Registrations

        registrations = Registrations(self._readiness, changed=changed)
        self._sources.append(registrations)
        self._settled = registrations.settled
        registrations.begin()
        return registrations.news

    def _watch_images(self) -> None:
        from rktpy.store.watching import ImageWatch

        layout, tell = self._site.layout, self._found.append
        images = ImageWatch(
            layout,
            self._readiness,
            came=lambda row: tell(_of_image(Step.FETCHED, row, row.imported_at)),
            went=lambda row: tell(_of_image(Step.REMOVED, row, 0)),
        )
        self._sources.append(images)
        try:
            images.begin()
        except PermissionError as error:
            raise ImagesRefusedError(
                f"cannot watch the images in {layout.cas}: permission denied",
                hint="leave them out with: --filter=type=pod --filter=type=app",
            ) from error

    def _wanted(self, found: list[Event], until: int | None) -> Iterator[Event]:
        for event in found:
            if (until is None or event.at <= until) and self._request.filters.want(event):
                yield event

    def _end(self) -> None:
        self._over = True

    def _say_lost(self) -> None:
        _logger.warning(
            "too much happened at once and the kernel dropped some of it: all pods are looked at"
            " again, but of those that came and went meanwhile nothing is known"
        )
        self._found.append(Event(Kind.WATCH, Step.RESCANNED, time.time_ns()))


def _hang_up() -> None:
    raise BrokenPipeError


def _recorded(found: deque[Event], since: int | None) -> list[Event]:
    """Return what happened from ``since`` on, in the order of time.

    Of a step whose time nobody wrote down only this is known: it came after the one before it.
    """
    if since is None:
        return []
    kept, later = [], set()
    for event in found:
        if event.at >= since if event.recorded else event.uuid in later:
            later.add(event.uuid)
            kept.append(event)
    return sorted(kept, key=lambda event: event.at)


def _is_of_before(event: Event, since: int) -> bool:
    """Return whether nobody asked for it: machined's time is older than its answer may be."""
    return event.step == Step.REGISTERED and event.at < since


def _of_image(step: str, row: Row, at: int) -> Event:
    version = dict(row.labels).get("version", "")
    return Event(
        kind=Kind.IMAGE,
        step=step,
        at=at or time.time_ns(),
        name=f"{row.name}:{version}" if version else str(row.name),
        image=str(row.key),
        recorded=bool(at),
    )
