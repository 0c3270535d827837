"""When the PID 1 of a pod can be asked to halt."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from rktpy.pod.state.pids import takes_halt_signal

if TYPE_CHECKING:
    from collections.abc import Callable

HALT = 37


def _block(*numbers: int) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, numbers)


@pytest.mark.parametrize(
    ("prepare", "ready"),
    [
        (lambda: None, False),
        (lambda: _block(HALT, signal.SIGTERM), True),
        (lambda: _block(*signal.valid_signals()), False),
        (lambda: signal.signal(HALT, lambda *_: None), True),
    ],
    ids=["unprepared", "signalfd", "forking", "handler"],
)
def test_a_process_takes_the_signal_it_has_prepared_for(
    prepare: Callable[[], object], *, ready: bool
) -> None:
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        prepare()
        os.write(tell, b"x")
        time.sleep(60)
        os._exit(0)
    try:
        os.read(told, 1)
        assert takes_halt_signal(child) is ready
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(told)
        os.close(tell)


def test_a_process_that_is_gone_takes_nothing() -> None:
    assert not takes_halt_signal(4194304)
