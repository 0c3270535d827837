"""A process of an app ends, and its number becomes that of a process of the host, between two steps
of a command that looks into the app: it must never take the host's root for the app's.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.nspawn.enter import EnterError, app_process, enter
from rktpy.nspawn.visit import AppRoot
from rktpy.pod.lifecycle import open_pod
from rktpy.pod.pids import find_pid1
from tests.integration.run.images import SHELL
from tests.integration.run.rk import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rktpy.host.pidfd import Process
    from tests.integration.run.rk import Rktpy

_LAST = "/proc/sys/kernel/ns_last_pid"  # the kernel goes on from there
_REFUSED, _BUG = 7, 8


@pytest.fixture
def leader(rkt: Rktpy) -> Iterator[Process]:
    """PID 1 of a pod with the apps ``one`` and ``two``, so that it outlives the first."""
    app = ("--", "exec sleep 600")
    with rkt.start("run", SHELL, "--name=one", *app, "---", SHELL, "--name=two", *app) as pod:
        pod.ready()
        rkt.ok("status", "--wait-ready", pod.uuid)
        with find_pid1(open_pod(Layout(str(rkt.data)), pod.uuid)) as held:
            yield held
        rkt.ok("stop", "--force", pod.uuid)
        pod.end()


def _replace(number: int) -> None:
    """Kill the process ``number`` and have one of the host take the number."""
    os.kill(number, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{number}"), f"end of {number}")
    if os.fork() == 0:
        os.closerange(0, 1 << 10)
        while os.getpid() != number:
            with open(_LAST, "w", encoding="ascii") as file:
                file.write(str(number - 1))
            if os.fork():
                os._exit(0)
        signal.alarm(600)
        signal.pause()
    until(lambda: os.path.exists(f"/proc/{number}"), f"another {number}")


def _at_root(number: int) -> Callable[[], int]:
    """Replace the process when its root is about to be opened; return how often that was."""
    done: list[int] = []

    def watch(event: str, args: tuple[object, ...]) -> None:
        if event == "open" and args[0] == f"/proc/{number}/root" and not done:
            done.append(number)
            _replace(number)

    sys.addaudithook(watch)
    return lambda: len(done)


def _end(number: int) -> None:
    if os.path.exists(f"/proc/{number}"):
        os.kill(number, signal.SIGKILL)


def test_a_visitor_does_not_take_the_root_of_a_stranger(leader: Process) -> None:
    number = app_process(leader.pid, "one")
    assert number
    times = _at_root(number)

    with pytest.raises(EnterError, match="cannot join app 'one'"):
        AppRoot(leader, "one")

    _end(number)
    assert times() == 1


def test_a_command_does_not_start_in_the_root_of_a_stranger(leader: Process) -> None:
    number = app_process(leader.pid, "one")
    assert number
    child = os.fork()
    if child == 0:
        _enter(leader, number)
    _, status = os.waitpid(child, 0)

    _end(number)
    assert os.waitstatus_to_exitcode(status) == _REFUSED


def _enter(leader: Process, number: int) -> None:
    try:
        _at_root(number)
        enter(leader, "one", ["/bin/true"], {})
    except EnterError:
        os._exit(_REFUSED)
    finally:
        os._exit(_BUG)
