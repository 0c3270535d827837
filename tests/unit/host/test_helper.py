"""What a helper process says comes back as it was meant, and it ends when it is told to."""

from __future__ import annotations

import contextlib
import errno
import os
import select
from typing import TYPE_CHECKING

import pytest

from rktpy.errors import RktError
from rktpy.host.helper import Answer, Helper, HelperError, Stopped, heed_signals

if TYPE_CHECKING:
    from typing import NoReturn


def _fail(error: BaseException, cause: BaseException | None) -> Helper:
    def work() -> NoReturn:
        raise error from cause

    return Helper(work)


def test_an_error_keeps_what_it_was_raised_from() -> None:
    full = OSError(errno.ENOSPC, "", "/x")
    helper = _fail(RktError("cannot store it", hint="try again"), full)

    with pytest.raises(HelperError, match="cannot store it") as caught:
        helper.wait()
    cause = caught.value.__cause__
    assert isinstance(cause, OSError)
    assert (caught.value.hint, cause.errno, cause.filename) == ("try again", errno.ENOSPC, "/x")


def test_an_error_raised_from_itself_comes_back_once() -> None:
    full = OSError(errno.ENOSPC, "")

    with pytest.raises(OSError, match="No space left"):
        _fail(full, full).wait()


def test_who_is_told_to_stop_cleans_up_first() -> None:
    reading, writing = os.pipe()

    def work() -> Answer:
        heed_signals()
        try:
            os.write(writing, b"ready")
            select.select([], [], [])
        except Stopped:
            os.write(writing, b"clean")
            raise
        return Answer()

    helper = Helper(work)
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read(5) == b"ready"
        helper.ask_to_stop()
        helper.drop()
        assert pipe.read() == b"clean"


def test_who_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rktpy.host.helper._LAST_WORDS", 0.0)
    reading, writing = os.pipe()

    def work() -> NoReturn:
        heed_signals()
        while True:
            with contextlib.suppress(Stopped):
                os.write(writing, b"ready")
                select.select([], [], [])

    helper = Helper(work)
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read(5) == b"ready"
        helper.ask_to_stop()
        helper.drop()
        assert pipe.read() in (b"", b"ready")  # it went on, if it had the time, and has ended


def test_who_has_been_waited_for_is_not_ended_once_more() -> None:
    helper = Helper(Answer)
    number = helper.fileno()
    helper.wait()
    given = os.open("/dev/null", os.O_RDONLY)
    assert given == number  # somebody else's now, as the number of the process may be

    helper.cancel()

    os.close(given)


def test_who_ends_by_itself_can_still_be_cancelled() -> None:
    helper = Helper(Answer)
    os.waitid(os.P_PID, helper._pid, os.WEXITED | os.WNOWAIT)

    helper.cancel()
    helper.cancel()


def test_who_has_been_waited_for_is_asked_nothing() -> None:
    helper = Helper(Answer)
    helper.wait()

    helper.ask_to_stop()  # told to number 0, it would end this process and its group
