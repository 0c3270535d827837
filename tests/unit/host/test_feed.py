"""Programs that get their input and tell their output in memory."""

from __future__ import annotations

import pytest

from rktpy.host.feed import feed
from rktpy.host.process import CommandError


def test_what_it_reads_and_says() -> None:
    done = feed(("/bin/sh", "-c", "cat; echo no >&2; exit 3"), b"text")

    assert (done.status, done.output, done.failure) == (3, b"text", "no")


def test_who_takes_too_long_is_killed() -> None:
    with pytest.raises(CommandError, match=r"/bin/sleep did not end within 0\.05 s"):
        feed(("/bin/sleep", "1000"), limit=0.05)


def test_who_cannot_be_executed() -> None:
    with pytest.raises(CommandError, match="cannot execute /nowhere"):
        feed(("/nowhere",))
