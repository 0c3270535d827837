"""Watches all pods of a data directory and tells what happens to them, without a process for it.

What is watched, by inotify and a pidfd, so nothing wakes up while nothing happens:

pods/<phase>/               one watch each: pods come, move, go. Also closes of the directories in
                            ``prepare`` and ``run``: the kernel takes a lock away with the last
                            descriptor, and tells of that, but not of the lock
pods/run/<uuid>/            until the pod's supervisor is there (``ppid``)
…/rkt/  …/rkt/status/       readiness, and statuses of apps, while the pod runs
the supervisor              a pidfd: when it is readable, all descriptors of the process are closed,
                            while a close is told just before the lock goes

What machined knows is asked for after each look at a pod that lives: nspawn lets a pod begin only
once it is registered, so what was seen of it begins with that.

So pods that ended, however many, cost nothing but their names. A pod that runs costs two watches
and two descriptors. What a notice says is a reason to look (``events.sighting``), what is told
follows from what is seen (``events.story``): several notices of one thing tell it once, and when
the kernel had to drop some, all pods are looked at.
"""

from __future__ import annotations

import os
import time

from rktpy.errors import RktError
from rktpy.host import inotify
from rktpy.pod.events.sighting import is_held, open_dir, see
from rktpy.pod.events.story import Sight, Story
from rktpy.pod.lifecycle import Pod
from rktpy.pod.names import is_uuid
from rktpy.pod.phase import ALL_PHASES, Phase
from rktpy.pod.state.appstate import stage1_state_dir
from rktpy.pod.texts import read_number
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rktpy.host.readiness import Readiness
    from rktpy.layout import Layout
    from rktpy.pod.events.story import Event
    from rktpy.systemd.registrations import Registration

_PHASES = tuple(phase for phase in ALL_PHASES if phase != Phase.EMBRYO)
_LIVELY = (Phase.PREPARE, Phase.RUN)  # where a lock says something that its directory does not
_CAME = inotify.CREATE | inotify.MOVED_TO
_MOVES = _CAME | inotify.MOVED_FROM | inotify.DELETE
_STATUSES = _CAME | inotify.CLOSE_WRITE
_PAUSE = 0.001  # seconds before the first of several looks; each next pause is twice as long
_LOOKS = 10  # about a second in all
_LEAVING = 1.0  # seconds from nspawn's taking leave of machined to its own end, at most


class PodWatchError(RktError):
    """The pods may not be watched."""


class _Live:
    """A pod that is prepared or runs: ``fd`` is its directory, ``pidfd`` its supervisor or -1.

    ``watches`` are by directory below the pod. ``looks`` are left of a series, of which the next
    is ``awaited``; ``half`` says that a status was only half written. ``leaving`` is until when the
    end is waited for of one that is not registered any more, 0.0 if it is.
    """

    __slots__ = ("awaited", "fd", "half", "leaving", "looks", "pidfd", "watches")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.pidfd = -1
        self.watches: dict[str, int] = {}
        self.looks = 0
        self.awaited = False
        self.half = False
        self.leaving = 0.0


class _Marks:
    """When machined took a pod in and when it let it go, 0: not, as far as is yet to be told."""

    __slots__ = ("came", "went")

    def __init__(self) -> None:
        self.came = 0
        self.went = 0


class PodWatch(Resource):
    """Calls ``tell`` with events of pods, and ``lost`` when the kernel dropped notices.

    ``registrations`` gives those that are new, without waiting. Of a pod that came and went while
    notices were dropped nothing is known; nothing else is lost.
    """

    def __init__(
        self,
        layout: Layout,
        readiness: Readiness,
        *,
        tell: Callable[[Event], None],
        lost: Callable[[], None],
        registrations: Callable[[], Sequence[Registration]] = tuple,
    ) -> None:
        self._layout = layout
        self._readiness = readiness
        self._tell = tell
        self._lost = lost
        self._registrations = registrations
        self._marks: dict[str, _Marks] = {}
        self._fresh: set[str] = set()  # UUIDs with marks that nobody has looked at
        self._stories: dict[str, Story] = {}
        self._lives: dict[str, _Live] = {}
        self._inotify = inotify.Inotify()
        self._phases: dict[int, str] = {}  # by watch
        self._owners: dict[int, str] = {}  # UUIDs by watch
        self._above: set[int] = set()  # watches on what the phases will be made in

    def begin(self) -> None:
        """Watch, and tell all that can be seen to have happened to the pods that are there.

        Raises:
            PodWatchError: the caller may not read pods.
            WatchLimitError: the kernel gives no more watches.
        """
        self._readiness.when_readable(self._inotify.fd, self._on_notices)
        self._arm()
        self._look_at_all({})
        self.catch_up()

    def close(self) -> None:
        """Stop watching; twice is fine."""
        for uuid in list(self._lives):
            self._release(uuid)
        if self._inotify.fd >= 0:
            self._readiness.drop(self._inotify.fd)
        self._inotify.close()

    def catch_up(self) -> None:
        """Tell what is new of pods whose registration changed, after what was before it."""
        self._mark()
        while self._fresh:
            self._take_notices()
            if self._fresh:
                self._look(self._fresh.pop(), ())

    def _arm(self) -> bool:
        """Watch the directories of phases that are not watched; return whether there were some."""
        missing = set(_PHASES).difference(self._phases.values())
        armed = False
        for phase in sorted(missing):
            mask = _MOVES | (inotify.CLOSE_NOWRITE if phase in _LIVELY else 0)
            try:
                watch, there = self._inotify.watch_when_there(self._layout.phase_dir(phase), mask)
            except PermissionError as error:
                raise _refusal(self._layout) from error
            if there:
                self._phases[watch] = phase
                armed = True
            else:
                self._above.add(watch)
        if len(self._phases) == len(_PHASES):
            while self._above:
                self._inotify.forget(self._above.pop())
        return armed

    def _on_notices(self) -> None:
        self._take_notices()
        self.catch_up()

    def _take_notices(self) -> None:
        passed: dict[str, list[str]] = {}
        closed: set[str] = set()
        lost = moved = False
        for notice in self._inotify.read():
            if notice.mask & inotify.OVERFLOW:
                lost = True
            elif notice.watch in self._phases:
                moved |= self._note(notice, passed, closed)
            elif notice.watch in self._owners:
                passed.setdefault(self._owners[notice.watch], [])
            else:
                moved |= notice.watch in self._above
        if lost:
            self._lost()
        if (moved and self._arm()) or lost:
            self._look_at_all(passed)
        else:
            for uuid in closed.intersection(self._lives):
                passed.setdefault(uuid, [])
            for uuid, phases in passed.items():
                self._look(uuid, phases)
        for uuid in closed.intersection(self._lives):  # was it the last one, or a passing reader's?
            self._look_again(uuid)

    def _note(self, notice: inotify.Notice, passed: dict[str, list[str]], closed: set[str]) -> bool:
        """Note what one notice of a phase says; return whether the phase is gone."""
        if notice.mask & inotify.IGNORED:
            del self._phases[notice.watch]
            return True
        uuid = notice.name
        if not is_uuid(uuid):
            return False
        if notice.mask & _CAME:
            passed.setdefault(uuid, []).append(self._phases[notice.watch])
        elif notice.mask & _MOVES:
            passed.setdefault(uuid, [])
        else:
            closed.add(uuid)
        return False

    def _look_at_all(self, passed: dict[str, list[str]]) -> None:
        for phase in _PHASES:  # in the order pods pass them: a moving one is met at least once
            try:
                names = os.listdir(self._layout.phase_dir(phase))
            except FileNotFoundError:
                continue
            except PermissionError as error:
                raise _refusal(self._layout) from error
            for name in names:
                if is_uuid(name):
                    passed.setdefault(name, []).append(phase)
        for uuid in {**dict.fromkeys(self._stories, ()), **passed}:
            self._look(uuid, passed.get(uuid, ()))

    def _look(self, uuid: str, before: Sequence[str]) -> None:
        """Look at a pod that was seen in the phases ``before``, and tell what is new."""
        story = self._stories.setdefault(uuid, Story(uuid))
        try:
            sight = self._see(story, before)
        except PermissionError as error:
            raise _refusal(self._layout) from error
        if sight is None:
            sight = Sight(now=time.time_ns(), phases=tuple(before), gone=True)
        sight = self._marked(uuid, sight)
        for event in story.tell(sight):
            self._tell(event)
        if sight.gone and not story.registered:
            del self._stories[uuid]
        if story.ended or sight.gone or story.phase not in _LIVELY:
            self._release(uuid)

    def _mark(self) -> None:
        for new in self._registrations():
            if is_uuid(new.uuid):
                marks = self._marks.setdefault(new.uuid, _Marks())
                if new.there:
                    marks.came = new.at
                else:
                    marks.went = new.at
                self._fresh.add(new.uuid)

    def _marked(self, uuid: str, sight: Sight) -> Sight:
        """Return ``sight`` with what machined says, which was there before it if it made it so."""
        self._mark()
        self._fresh.discard(uuid)
        marks = self._marks.get(uuid)
        if marks is None:
            return sight
        live = self._lives.get(uuid)
        went = marks.went
        if went and live is not None and sight.locked and self._is_leaving(uuid, live):
            went = 0
        else:
            del self._marks[uuid]
        return sight.replace(registered=marks.came, unregistered=went)

    def _is_leaving(self, uuid: str, live: _Live) -> bool:
        """Return whether the end of a pod that is not registered any more should come soon."""
        if not live.leaving:
            live.leaving = time.monotonic() + _LEAVING
            self._look_again(uuid)
        return time.monotonic() < live.leaving

    def _see(self, story: Story, before: Sequence[str]) -> Sight | None:
        uuid = story.uuid
        pod = Pod(self._layout, before[-1] if before else story.phase or Phase.PREPARE, uuid)
        live = self._lives.get(uuid)
        if live is None:
            fd = open_dir(pod)
            if fd is None:
                return None
            if story.ended or pod.phase not in _LIVELY or not is_held(fd):
                try:
                    return see(pod, fd, before, story.facts)
                finally:
                    os.close(fd)
            live = self._lives[uuid] = _Live(fd)
        self._follow(live, pod)
        sight = see(pod, live.fd, before, story.facts)
        if sight is not None:
            half = any(end.at and end.status is None for end in sight.apps)
            if half and not live.half:
                self._look_again(uuid)
            live.half = half
        return sight

    def _follow(self, live: _Live, pod: Pod) -> None:
        """Watch what a running pod will do, from its start on."""
        running = f"{self._layout.phase_dir(Phase.RUN)}/{pod.uuid}"
        if live.pidfd >= 0 or not os.path.isdir(running):
            return
        pod = Pod(self._layout, Phase.RUN, pod.uuid)
        number = read_number(f"{running}/ppid")
        if number is None:
            self._watch(live, pod.uuid, running)
            number = read_number(f"{running}/ppid")  # written meanwhile?
            if number is None:
                return
        directory = stage1_state_dir(pod)
        self._watch(live, pod.uuid, f"{directory}/rkt")
        self._watch(live, pod.uuid, f"{directory}/rkt/status")
        self._unwatch(live, running)
        try:
            live.pidfd = os.pidfd_open(number)
        except (OSError, OverflowError):
            return  # it is gone, or no process of ours; then the close alone tells
        self._readiness.when_readable(live.pidfd, lambda: self._on_end(pod.uuid))

    def _watch(self, live: _Live, uuid: str, directory: str) -> None:
        if directory not in live.watches:
            try:
                watch = self._inotify.watch(directory, _STATUSES)
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                # Not there (yet), or the pod is gone, or of a time when its group could not read
                # statuses: the end of it tells the rest.
                return
            live.watches[directory] = watch
            self._owners[watch] = uuid

    def _unwatch(self, live: _Live, directory: str) -> None:
        watch = live.watches.pop(directory, None)
        if watch is not None:
            del self._owners[watch]
            self._inotify.forget(watch)

    def _on_end(self, uuid: str) -> None:
        """The supervisor ended. A lock that is still held is somebody else's then."""
        live = self._lives[uuid]
        self._readiness.drop(live.pidfd)  # it stays readable for ever
        self._look_again(uuid)
        self._look(uuid, ())
        self.catch_up()

    def _look_again(self, uuid: str) -> None:
        """Begin a series of looks: what the notice was about may be just about to be done."""
        live = self._lives[uuid]
        live.looks = _LOOKS
        if not live.awaited:
            self._await(uuid, live)

    def _await(self, uuid: str, live: _Live) -> None:
        live.awaited = True
        pause = _PAUSE * (1 << (_LOOKS - live.looks))
        self._readiness.after(pause, lambda: self._on_time(uuid, live))

    def _on_time(self, uuid: str, live: _Live) -> None:
        live.awaited = False
        if self._lives.get(uuid) is not live:
            return
        live.looks -= 1
        left = uuid in self._marks and time.monotonic() >= live.leaving
        if live.half or left or not is_held(live.fd):
            self._look(uuid, ())
            self.catch_up()
        if live.looks > 0 and not live.awaited and self._lives.get(uuid) is live:
            self._await(uuid, live)

    def _release(self, uuid: str) -> None:
        live = self._lives.pop(uuid, None)
        if live is None:
            return
        for directory in list(live.watches):
            self._unwatch(live, directory)
        if live.pidfd >= 0:
            self._readiness.drop(live.pidfd)
            os.close(live.pidfd)
        os.close(live.fd)


def _refusal(layout: Layout) -> PodWatchError:
    return PodWatchError(
        f"cannot watch the pods in {layout.pods}: permission denied",
        hint="be root, or a member of the group that they belong to",
    )
