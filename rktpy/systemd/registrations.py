"""Which pods machined has registered, as that changes.

Its signals say so. They count only if machined sent them, and are lost while the bus, or the
connection to it, is: so each time machined or the bus appears, machined is asked for all of them,
and the difference is told. Nobody is kept waiting for a bus that is gone or for a machined that
hangs: its answer counts whenever it comes. Only a bus that hangs costs what a call may take
(``bus.CALL_TIMEOUT``), each time it is dialled, which is ever more rarely.

One question at a time is on its way: so it never fills what the bus takes in one go.
"""

from __future__ import annotations

import time
from collections import deque

from rktpy.log import Logger
from rktpy.resource import Resource
from rktpy.systemd.bus import (
    BUS_NAME,
    BUS_PATH,
    CALL_TIMEOUT,
    NOT_SUPPORTED,
    BusError,
    BusTimeoutError,
    Reply,
    Wanted,
    connect,
    owner_of,
)
from rktpy.systemd.machined import (
    DESTINATION,
    MACHINE_NEW,
    MACHINE_REMOVED,
    ask_for_all,
    ask_since_when,
    machines,
    pod_of,
    registered_at,
)
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.readiness import Readiness
    from rktpy.systemd.bus import Bus, Signal

_WANTED = (
    Wanted(BUS_NAME, BUS_PATH, BUS_NAME, "NameOwnerChanged", first=DESTINATION),
    MACHINE_NEW,
    MACHINE_REMOVED,
)
FIRST_PAUSE = 0.1  # seconds until a lost bus is dialled again; each next pause is twice as long
LONGEST_PAUSE = 60.0

_log = Logger("events")


class Registration(Value):
    """Machined took the machine of the pod ``uuid`` in or, if not ``there``, let it go.

    ``at`` is in nanoseconds since 1970: machined's own time, or when we were told.
    """

    uuid: str
    at: int
    there: bool


class Registrations(Resource):
    """Keeps what is new for ``news``, and calls ``changed`` when somebody should fetch it."""

    def __init__(
        self,
        readiness: Readiness,
        *,
        changed: Callable[[], None],
        dial: Callable[[], Bus] | None = None,
    ) -> None:
        self._readiness = readiness
        self._changed = changed
        self._connect = dial or _dial_system_bus
        self._bus: Bus | None = None
        self._fd = -1
        self._owner = ""  # machined's unique name
        self._known: set[str] = set()  # UUIDs
        self._news: list[Registration] = []
        self._unlisted = False  # machined did not say which it knows
        self._question = 0  # what it has not answered yet
        self._asked_at = 0.0
        self._timing: deque[tuple[str, str]] = deque()  # UUIDs and paths: since when? The first one
        self._timed = False  # is what the question is about
        self._late = False  # the question has been open for too long
        self._watched = False  # somebody will see to that
        self._pause = FIRST_PAUSE
        self._since = 0.0  # when the bus was reached
        self._missed = False  # the bus is gone, and that was said

    def begin(self) -> None:
        """Connect, and ask for all that machined knows. A bus may be there later only."""
        try:
            self._open()
        except BusError as error:
            self._lose(error)
            return
        if self._missed and self._bus is not None:  # it may have hung up again at once
            self._missed = False
            _log.warning("the message bus is back")

    def settled(self) -> bool:
        """Return whether machined has no question to answer, or had its time for it."""
        return self._late or not self._question

    def news(self) -> list[Registration]:
        """Return what happened since the last call, without waiting."""
        self._take_all()
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Hang up; twice is fine."""
        if self._fd >= 0:
            self._readiness.drop(self._fd)
        if self._bus is not None:
            self._bus.close()
        self._bus, self._fd, self._owner = None, -1, ""
        self._forget_question()

    def _open(self) -> None:
        bus = self._bus = self._connect()
        self._since = time.monotonic()
        for wanted in _WANTED:
            bus.subscribe(wanted)
        self._owner = owner_of(bus, DESTINATION)
        self._ask()
        self._fd = bus.fileno()
        self._readiness.when_readable(self._fd, self._on_readable)
        self._take_all()

    def _lose(self, error: BusError) -> None:
        """Go on without a bus, and dial it again later, unless nobody here can speak with it."""
        lasted = time.monotonic() - self._since if self._fd >= 0 else 0.0
        self.close()
        if not self._missed:
            _log.warning("%s: registrations of pods are not told until it is back", error)
        self._missed = True
        if error.name == NOT_SUPPORTED:
            return
        if lasted > LONGEST_PAUSE:
            self._pause = FIRST_PAUSE
        self._readiness.after(self._pause, self._redial)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _redial(self) -> None:
        self.begin()
        self._hand_out()

    def _on_readable(self) -> None:
        self._take_all()
        self._hand_out()

    def _hand_out(self) -> None:
        if self._news:
            self._changed()

    def _take_all(self) -> None:
        if self._bus is None:
            return
        try:
            for each in self._bus.received():
                if isinstance(each, Reply):
                    self._take_reply(each)
                else:
                    self._take(each)
        except BusError as error:
            self._lose(error)

    def _take(self, signal: Signal) -> None:
        """Believe the bus and machined; a stranger's signal may not even have arguments."""
        if signal.sender == BUS_NAME and signal.member == _WANTED[0].member:
            self._owner = str(signal.args[2])
            self._ask()
        elif self._owner and signal.sender == self._owner:
            self._note(pod_of(str(signal.args[0])), there=signal.member == MACHINE_NEW.member)
            if self._unlisted or self._late:
                self._ask()

    def _note(self, uuid: str, *, there: bool, at: int = 0) -> None:
        """Keep it as news if it is; pods only: machined knows others, too."""
        if uuid and there != (uuid in self._known):
            (self._known.add if there else self._known.discard)(uuid)
            self._news.append(Registration(uuid, at or time.time_ns(), there))

    def _ask(self) -> None:
        """Ask machined which pods there are. Who is not running is not started for it.

        Raises:
            BusError: the bus hung up.
        """
        self._forget_question()
        if self._bus is not None and self._owner:
            self._expect(ask_for_all(self._bus), timed=False)

    def _take_reply(self, reply: Reply) -> None:
        if reply.number != self._question:
            return  # its question was asked anew meanwhile
        timed, self._question, self._late = self._timed, 0, False
        try:
            if timed:
                uuid, _path = self._timing.popleft()
                at = registered_at(reply)
                if at is not None:
                    self._note(uuid, there=True, at=at)
            else:
                self._compare({pod_of(each.name): each.path for each in machines(reply)})
        except BusError as error:
            self._timing.clear()
            self._unlisted = True
            _log.warning("cannot ask machined which pods it has registered: %s", error)
            return
        if self._bus is not None and self._timing:
            self._expect(ask_since_when(self._bus, self._timing[0][1]), timed=True)

    def _compare(self, found: dict[str, str]) -> None:
        """Note which pods went; of those that came ask for the time first."""
        for uuid in self._known.difference(found):
            self._note(uuid, there=False)
        came = ((uuid, path) for uuid, path in found.items() if uuid not in self._known)
        self._timing.extend(pair for pair in came if pair[0])

    def _expect(self, question: int, *, timed: bool) -> None:
        self._question, self._timed = question, timed
        self._asked_at = time.monotonic()
        if not self._watched:
            self._watched = True
            self._readiness.after(CALL_TIMEOUT, self._on_time)

    def _on_time(self) -> None:
        """Say once that machined is silent. What it says later counts all the same."""
        self._watched = False
        if not self._question or self._late:
            return
        left = self._asked_at + CALL_TIMEOUT - time.monotonic()
        if left > 0:  # this one is younger
            self._watched = True
            self._readiness.after(left, self._on_time)
            return
        self._late = True
        silence = BusTimeoutError(DESTINATION, CALL_TIMEOUT)
        _log.warning("%s: registrations of pods are told when it answers", silence)

    def _forget_question(self) -> None:
        self._question, self._late, self._unlisted = 0, False, False
        self._timing.clear()


def _dial_system_bus() -> Bus:
    return connect(prefer="jeepney")  # no thread, and the smaller import
