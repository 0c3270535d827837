"""Which pods machined has registered, as that changes.

Its signals say so. They count only if machined sent them, and are lost while the bus, or the
connection to it, is: so each time machined or the bus appears, machined is asked for all of them,
and the difference is told. Nobody is kept waiting for a bus that is gone; only a bus or a machined
that hangs costs what a call may take (``bus.CALL_TIMEOUT``), the latter once, the former each time
it is dialled, which is ever more rarely.
"""

from __future__ import annotations

import time

from rktpy.log import Logger
from rktpy.resource import Resource
from rktpy.systemd.bus import (
    BUS_NAME,
    BUS_PATH,
    DISCONNECTED,
    NOT_SUPPORTED,
    BusError,
    Wanted,
    connect,
    owner_of,
)
from rktpy.systemd.machined import (
    DESTINATION,
    MACHINE_NEW,
    MACHINE_REMOVED,
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
        self._unlisted = False  # machined did not answer
        self._asked = False  # it will be asked for all of them in a moment
        self._pause = FIRST_PAUSE
        self._since = 0.0  # when the bus was reached
        self._missed = False  # the bus is gone, and that was said

    def begin(self) -> None:
        """Connect, and count all that machined knows as news. A bus may be there later only."""
        try:
            self._open()
        except BusError as error:
            self._lose(error)
            return
        if self._missed:
            self._missed = False
            _log.warning("the message bus is back")

    def news(self) -> list[Registration]:
        """Return what happened since the last call, without waiting."""
        self._take_signals()
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Hang up; twice is fine."""
        if self._fd >= 0:
            self._readiness.drop(self._fd)
        if self._bus is not None:
            self._bus.close()
        self._bus, self._fd, self._owner = None, -1, ""

    def _open(self) -> None:
        self._bus = self._connect()
        self._since = time.monotonic()
        for wanted in _WANTED:
            self._bus.subscribe(wanted)
        self._owner = owner_of(self._bus, DESTINATION)
        self._ask()
        self._fd = self._bus.fileno()
        self._readiness.when_readable(self._fd, self._on_signals)
        self._take_signals()

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

    def _on_signals(self) -> None:
        self._take_signals()
        self._hand_out()

    def _hand_out(self) -> None:
        if self._news:
            self._changed()

    def _take_signals(self) -> None:
        if self._bus is None:
            return
        try:
            signals = self._bus.signals()
        except BusError as error:
            self._lose(error)
            return
        for signal in signals:
            self._take(signal)

    def _take(self, signal: Signal) -> None:
        """Believe the bus and machined; a stranger's signal may not even have arguments."""
        if signal.sender == BUS_NAME and signal.member == _WANTED[0].member:
            self._owner = str(signal.args[2])
            self._ask_soon()
        elif self._owner and signal.sender == self._owner:
            self._note(pod_of(str(signal.args[0])), there=signal.member == MACHINE_NEW.member)
            if self._unlisted:
                self._ask_soon()

    def _note(self, uuid: str, *, there: bool, at: int = 0) -> None:
        """Keep it as news if it is; pods only: machined knows others, too."""
        if uuid and there != (uuid in self._known):
            (self._known.add if there else self._known.discard)(uuid)
            self._news.append(Registration(uuid, at or time.time_ns(), there))

    def _ask_soon(self) -> None:
        """Ask machined, but not now: this may be in the middle of a look at a pod."""
        if not self._asked:
            self._asked = True
            self._readiness.after(0, self._on_time)

    def _on_time(self) -> None:
        self._asked = False
        try:
            self._ask()
        except BusError as error:
            self._lose(error)
        self._take_signals()
        self._hand_out()

    def _ask(self) -> None:
        """Ask machined which pods there are. Who is not running is not started for it.

        Raises:
            BusError: the bus hung up.
        """
        self._unlisted = False
        if self._bus is None or not self._owner:
            return
        try:
            found = {pod_of(machine.name): machine.path for machine in machines(self._bus)}
            times = {
                uuid: registered_at(self._bus, path)
                for uuid, path in found.items()
                if uuid and uuid not in self._known
            }
        except BusError as error:
            if error.name == DISCONNECTED:
                raise
            self._unlisted = True
            _log.warning("cannot ask machined which pods it has registered: %s", error)
            return
        for uuid in self._known.difference(found):
            self._note(uuid, there=False)
        for uuid, at in times.items():
            if at is not None:
                self._note(uuid, there=True, at=at)


def _dial_system_bus() -> Bus:
    return connect(prefer="jeepney")  # no thread, and the smaller import
