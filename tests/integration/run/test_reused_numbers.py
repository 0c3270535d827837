"""A process of an app ends, and its number becomes that of a process of the host, between two steps
of a command that looks into the app: it must never take the host's root for the app's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.nspawn.entry.enter import EnterError, app_process, enter
from rktpy.nspawn.entry.visit import AppRoot
from rktpy.pod.lifecycle import open_pod
from rktpy.pod.state.pids import find_pid1
from tests.integration.run.images import SHELL
from tests.integration.run.rk import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from rktpy.host.pidfd import Process
    from tests.integration.run.rk import Rktpy

_LAST = "/proc/sys/kernel/ns_last_pid"  # the kernel goes on from there

pytestmark = pytest.mark.skipif(
    not os.path.exists(_LAST), reason="the kernel lacks CONFIG_CHECKPOINT_RESTORE"
)
_TRIES = 1000
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


class Successor:
    """Another process of the host with the number of an app's, as soon as the root of that is about
    to be opened. Closing ends it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.times = 0
        self._reading, self._writing = os.pipe()
        sys.addaudithook(self._watch)

    def close(self) -> None:
        self.times = max(self.times, 1)  # the hook stays
        os.close(self._reading)
        os.close(self._writing)
        with contextlib.suppress(ChildProcessError):  # somebody else of this machine had it
            os.waitpid(self.number, 0)

    def _watch(self, event: str, args: tuple[object, ...]) -> None:
        if event == "open" and args[0] == f"/proc/{self.number}/root" and not self.times:
            self.times = 1
            os.kill(self.number, signal.SIGKILL)
            until(lambda: not os.path.exists(f"/proc/{self.number}"), f"end of {self.number}")
            if os.fork() == 0:
                self._take_number()
            until(lambda: os.path.exists(f"/proc/{self.number}"), f"another {self.number}")

    def _take_number(self) -> NoReturn:
        """In a child: go on by forking until the kernel gives us the number."""
        os.close(self._writing)
        last = Path(_LAST).read_text("ascii")
        for _ in range(_TRIES):
            if os.getpid() == self.number:
                Path(_LAST).write_text(last, "ascii")  # others go on where they were
                os.read(self._reading, 1)
                break
            Path(_LAST).write_text(str(self.number - 1), "ascii")
            if os.fork():
                break
        os._exit(0)


def test_a_visitor_does_not_take_the_root_of_a_stranger(leader: Process) -> None:
    number = app_process(leader.pid, "one")
    assert number

    with contextlib.closing(Successor(number)) as successor:
        with pytest.raises(EnterError, match="cannot join app 'one'"):
            AppRoot(leader, "one")

        assert successor.times == 1


def test_a_command_does_not_start_in_the_root_of_a_stranger(leader: Process) -> None:
    number = app_process(leader.pid, "one")
    assert number

    with contextlib.closing(Successor(number)) as successor:
        child = os.fork()
        if child == 0:
            _enter(leader)
        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == _REFUSED
        assert successor.times == 0  # it came in the child


def _enter(leader: Process) -> NoReturn:
    try:
        enter(leader, "one", ["/bin/true"], {})
    except EnterError:
        os._exit(_REFUSED)
    finally:
        os._exit(_BUG)
