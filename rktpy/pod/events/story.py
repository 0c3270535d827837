"""What happened to a pod, told from what was seen of it. Pure: nothing here touches the disk.

A pod only ever goes forward (``pod.phase``), so each step of it happens once, and a step that was
not seen itself follows from a later one: what is marked has ended. Who looks late, twice or after
having lost sight thus tells neither less nor more than who looks all the time, with one exception:
whether a pod that is further by now was ``prepared`` or started at once.

pod    preparing → prepared → started → registered → ready → exited → marked → removed
       preparing → aborted → marked → removed
       unregistered, once it was registered: after exited, if both are seen together
app    exited, between the pod's ``started`` and ``exited``
"""

from __future__ import annotations

from rktpy.pod.phase import Phase
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind:
    """What an event is about: the ``type`` of users' filters."""

    POD = "pod"
    APP = "app"
    IMAGE = "image"
    WATCH = "watch"  # the watch itself, which lost sight for a moment


class Step:
    """The words for what happened."""

    PREPARING = "preparing"
    ABORTED = "aborted"
    PREPARED = "prepared"
    STARTED = "started"
    REGISTERED = "registered"  # machined knows it
    READY = "ready"
    EXITED = "exited"
    UNREGISTERED = "unregistered"
    MARKED = "marked"
    REMOVED = "removed"
    FETCHED = "fetched"
    RESCANNED = "rescanned"


_MARKED = (Phase.EXITED_GARBAGE, Phase.GARBAGE)


class AppEnd(Value):
    """How an app of a pod ended. ``status`` is None while nobody wrote one, ``at`` is 0 while
    nobody began to."""

    name: str
    status: int | None = None
    at: int = 0
    oom_killed: bool = False


class Facts(Value):
    """What is to be told of a pod in every event about it. Empty until its manifest is written."""

    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    apps: tuple[str, ...] = ()


class Sight(Value):
    """A pod as it was seen at one moment. Times are nanoseconds since 1970, 0: not known.

    ``phases`` are those it was seen in since the last sight, the present one last; none if it is
    gone. ``locked`` is about the present one. ``ended`` is when it ended, if it is on disk.
    ``registered`` and ``unregistered`` come from machined, the latter only if it is to be told now.
    """

    now: int
    phases: tuple[str, ...] = ()
    gone: bool = False
    locked: bool = False
    facts: Facts | None = None
    created: int = 0
    changed: int = 0  # when it came into the present phase
    started: int = 0
    registered: int = 0
    unregistered: int = 0
    ready: int = 0
    ended: int = 0
    apps: tuple[AppEnd, ...] = ()


class Event(Value):
    """One thing that happened. ``status`` is None where it is not known or there is none.

    ``recorded``: ``at`` was read from the disk; else it is when we saw it. ``image`` is the id of
    an image, whose name is in ``name``.
    """

    kind: str
    step: str
    at: int
    uuid: str = ""
    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    app: str = ""
    status: int | None = None
    oom_killed: bool = False
    recorded: bool = False
    image: str = ""


class Story:
    """What has been told of one pod so far."""

    __slots__ = ("_apps", "_told", "facts", "phase", "uuid")

    def __init__(self, uuid: str) -> None:
        self.uuid = uuid
        self.phase = ""
        self.facts: Facts | None = None
        self._told: set[str] = set()
        self._apps: set[str] = set()

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs, or prepares it, any more."""
        return not self._told.isdisjoint((Step.EXITED, Step.ABORTED, Step.MARKED, Step.REMOVED))

    @property
    def registered(self) -> bool:
        """Whether machined still knows it, as far as was told."""
        return Step.REGISTERED in self._told and Step.UNREGISTERED not in self._told

    def tell(self, sight: Sight) -> list[Event]:
        """Return what happened since the last sight, in order."""
        if sight.facts is not None:
            self.facts = sight.facts
        if sight.phases:
            self.phase = sight.phases[-1]
        over = self._over(sight)
        if not self.phase:
            return []  # a stranger's machine with a pod's name
        found = [*self._before(sight, over=over)]
        if over and Step.EXITED not in self._told:
            found += self._pod(Step.EXITED, sight, sight.ended, pod_status(sight.apps))
        if sight.unregistered and Step.REGISTERED in self._told:
            found += self._pod(Step.UNREGISTERED, sight, sight.unregistered)
        if any(phase in _MARKED for phase in sight.phases):
            at = sight.changed if sight.phases[-1] in _MARKED else 0
            found += self._pod(Step.MARKED, sight, at)
        if sight.gone and self.phase:
            found += self._pod(Step.REMOVED, sight)
        return found

    def _over(self, sight: Sight) -> bool:
        """Return whether the pod had been in ``run`` and is not running any more."""
        ran = Step.STARTED in self._told or Phase.RUN in sight.phases or self.phase == Phase.RUN
        if sight.gone:
            return ran or Phase.EXITED_GARBAGE in sight.phases
        if sight.phases[-1:] == (Phase.RUN,):
            return not sight.locked
        return Phase.EXITED_GARBAGE in sight.phases or (ran and self.phase in _MARKED)

    def _before(self, sight: Sight, *, over: bool) -> Iterator[Event]:
        """Yield the steps of preparing and running."""
        phases = sight.phases
        if Phase.PREPARE in phases or sight.created:
            yield from self._pod(Step.PREPARING, sight, sight.created)
        given_up = phases == (Phase.PREPARE,) and not sight.locked
        thrown_away = Phase.GARBAGE in phases and Step.PREPARED not in self._told
        if given_up or (thrown_away and Phase.PREPARE in phases and Phase.PREPARED not in phases):
            yield from self._pod(Step.ABORTED, sight)
        if Phase.PREPARED in phases:
            at = sight.changed if phases[-1] == Phase.PREPARED else 0
            yield from self._pod(Step.PREPARED, sight, at)
        if sight.started:
            yield from self._pod(Step.STARTED, sight, sight.started)
        lively: list[Event] = []
        if Step.EXITED not in self._told:  # else it outlives its supervisor: no part of its life
            lively += self._ends(sight)
            if sight.ready:
                lively += self._pod(Step.READY, sight, sight.ready)
        lively.sort(key=lambda event: event.at)
        if sight.registered:  # nspawn waits for it before it starts anything
            at = min([sight.registered, *(event.at for event in lively)])
            yield from self._pod(Step.REGISTERED, sight, at)
        yield from lively

    def _ends(self, sight: Sight) -> Iterator[Event]:
        for end in sight.apps:
            if end.status is not None and end.name not in self._apps:
                self._apps.add(end.name)
                event = self._event(Kind.APP, Step.EXITED, sight, end.at, end.status)
                yield event.replace(app=end.name, oom_killed=end.oom_killed)

    def _pod(
        self, step: str, sight: Sight, at: int = 0, status: int | None = None
    ) -> Iterator[Event]:
        if step not in self._told:
            self._told.add(step)
            yield self._event(Kind.POD, step, sight, at, status)

    def _event(self, kind: str, step: str, sight: Sight, at: int, status: int | None) -> Event:
        facts = self.facts or Facts()
        return Event(
            kind=kind,
            step=step,
            at=at or sight.now,
            uuid=self.uuid,
            name=facts.name,
            labels=facts.labels,
            status=status,
            recorded=bool(at),
        )


def pod_status(apps: tuple[AppEnd, ...]) -> int | None:
    """Return the status a pod ended with: that of the first app that failed, 0 if none did.

    None if it is not known, as not every app has one: the pod was killed.
    """
    if not apps or any(end.status is None for end in apps):
        return None
    failed = [end for end in apps if end.status]
    return min(failed, key=lambda end: end.at).status if failed else 0
