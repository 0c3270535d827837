"""Queries to the service manager (``org.freedesktop.systemd1``) that bear a failing bus."""

from __future__ import annotations

import os
import select
from _signal import SIGKILL  # type: ignore[import-not-found]  # signal itself imports enum

from rktpy.log import Logger
from rktpy.systemd.bus import BusError, BusTimeoutError
from rktpy.systemd.bus import connect as connect_bus
from rktpy.systemd.facts import BusAnswer
from rktpy.systemd.machined import usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from rktpy.systemd.bus import Bus

DESTINATION = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
INTERFACE = "org.freedesktop.systemd1.Manager"
PROBE_TIMEOUT = 5.0  # seconds for everything a start may wait for
_MACHINED_TIMEOUT = 4.0  # of these, for machined, so that what systemd said is not lost with it

_log = Logger("stage0")


def ask_bus(connect: Callable[[], Bus] | None = None) -> BusAnswer:
    """Return what the system bus says; a bus that fails is a "no" that is not final.

    A child process asks: the threads that PyGObject leaves behind would keep this process from
    entering namespaces, and a child can be killed wherever it hangs.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer_and_exit(writing, connect)
    os.close(writing)
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    words = os.read(reading, 16) if poll.poll((PROBE_TIMEOUT + 1) * 1000) else b""
    os.close(reading)
    if not words:
        os.kill(child, SIGKILL)
    os.waitpid(child, 0)
    return BusAnswer(machined=b"m" in words, manager=b"s" in words, final=b"!" in words)


def _answer_and_exit(writing: int, connect: Callable[[], Bus] | None) -> NoReturn:
    try:
        answer = _ask(connect)
        marks = (
            b"m" if answer.machined else b"",
            b"s" if answer.manager else b"",
            b"!" if answer.final else b"?",
        )
        os.write(writing, b"".join(marks))
    except BusError as error:
        text = f"{error}: {error.__cause__}" if error.__cause__ else str(error)
        _log.warning("cannot ask systemd over the bus, going on without: %s", text)
        os.write(writing, b"?")
    finally:
        os._exit(0)  # a forked copy must not run the caller's cleanup


def _ask(connect: Callable[[], Bus] | None) -> BusAnswer:
    bus = connect() if connect is not None else connect_bus(timeout=PROBE_TIMEOUT)
    try:
        manager = bus.name_has_owner(DESTINATION)
        try:
            return BusAnswer(machined=usable(bus, timeout=_MACHINED_TIMEOUT), manager=manager)
        except BusTimeoutError as error:
            _log.warning("cannot ask machined, going on without: %s", error)
            return BusAnswer(machined=False, manager=manager, final=False)
    finally:
        bus.close()


def unit_of_caller(bus: Bus) -> str:
    """Return the object path of the unit that this process runs in.

    Process 0 means "the caller" to systemd, which is right also from another PID namespace.

    Raises:
        BusError: the manager does not know (``…NoUnitForPID``) or does not answer.
    """
    (path,) = bus.call(DESTINATION, PATH, INTERFACE, "GetUnitByPID", "u", (0,))
    return str(path)


def is_main_process(unit: str, pid: int, *, connect: Callable[[], Bus] | None = None) -> bool:
    """Return whether ``pid``, the caller, is the main process of the service ``unit``.

    Every failure of the bus is a no: the pod then gets a scope of its own.
    """
    try:
        # On the path of run: jeepney is there in a third of the time pydbus takes.
        bus = connect() if connect else connect_bus(timeout=PROBE_TIMEOUT, prefer="jeepney")
    except BusError as error:
        _log.debug("cannot ask systemd whether this is a service: %s", error)
        return False
    try:
        path = unit_of_caller(bus)
        name = bus.get_property(DESTINATION, path, "org.freedesktop.systemd1.Unit", "Id")
        if name != unit or not unit.endswith(".service"):
            return False
        main = bus.get_property(DESTINATION, path, "org.freedesktop.systemd1.Service", "MainPID")
        return bool(main == pid)
    except BusError as error:
        _log.debug("cannot ask systemd whether this is a service: %s", error)
        return False
    finally:
        bus.close()
