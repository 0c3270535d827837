"""Programs that get their input and tell their output in memory."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from rktpy.host.feed import feed
from rktpy.host.lock import is_locked, lock_dir
from rktpy.host.process import CommandError

if TYPE_CHECKING:
    from pathlib import Path


def test_what_it_reads_and_says() -> None:
    done = feed(("/bin/sh", "-c", "cat; echo no >&2; exit 3"), b"text")

    assert (done.status, done.output, done.failure) == (3, b"text", "no")


def test_who_takes_too_long_is_killed() -> None:
    with pytest.raises(CommandError, match=r"/bin/sleep did not end within 0\.05 s"):
        feed(("/bin/sleep", "1000"), limit=0.05)


def test_who_cannot_be_executed() -> None:
    with pytest.raises(CommandError, match="cannot execute /nowhere"):
        feed(("/nowhere",))


def test_a_lock_lasts_as_long_as_who_holds_it_too(tmp_path: Path) -> None:
    """Also when the caller is killed: what the program does then is done under the lock still."""
    place, told = tmp_path / "locked", tmp_path / "pid"
    place.mkdir()
    script = f"echo $$ > {told}.new; mv {told}.new {told}; exec sleep 1000"
    caller = os.fork()
    if caller == 0:
        with lock_dir(str(place)) as lock:
            feed(("/bin/sh", "-c", script), hold=lock.fd)
        os._exit(0)
    deadline = time.monotonic() + 60
    while not told.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(caller, signal.SIGKILL)
    os.waitpid(caller, 0)

    held = is_locked(str(place))
    os.kill(int(told.read_text()), signal.SIGKILL)

    assert held
    while is_locked(str(place)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
