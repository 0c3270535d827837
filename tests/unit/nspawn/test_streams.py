"""Which streams nspawn gets: none that others have, whatever it does to its own."""

from __future__ import annotations

import os
import pty
from typing import TYPE_CHECKING

import pytest

from rktpy.nspawn.streams import detach

if TYPE_CHECKING:
    from collections.abc import Iterator


def nspawn(stdin: int, stdout: int, stderr: int, handed: tuple[int, ...] = ()) -> None:
    """Be nspawn for a moment, in a process with these streams: say something, do not wait."""
    child = os.fork()
    if child == 0:
        try:
            for place, fd in enumerate((stdin, stdout, stderr)):
                os.dup2(fd, place)
            detach(handed)
            for fd in (0, 1):
                os.set_blocking(fd, False)
            os.write(1, f"read {len(os.read(0, 9)) if 0 in handed else 'nothing'}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)


class Streams:
    """A pipe for each of input, output and errors, and a terminal."""

    def __init__(self) -> None:
        self.given, self.input = os.pipe()
        self.output, self.out = os.pipe()
        self.errors, self.err = os.pipe()
        self.screen, self.terminal = pty.openpty()
        os.write(self.input, b"for the app")

    def close(self) -> None:
        for fd in vars(self).values():
            os.close(fd)

    def said(self) -> tuple[bytes, bytes]:
        """Return what came out, and what came as errors."""
        for fd in (self.output, self.errors):
            os.set_blocking(fd, False)
        return _all(self.output), _all(self.errors)


def _all(fd: int) -> bytes:
    try:
        return os.read(fd, 99)
    except BlockingIOError:
        return b""


@pytest.fixture
def streams() -> Iterator[Streams]:
    streams = Streams()
    yield streams
    streams.close()


def test_what_others_share_stays_blocking(streams: Streams) -> None:
    nspawn(streams.terminal, streams.out, streams.err)

    assert os.get_blocking(streams.terminal)
    assert os.get_blocking(streams.out)
    assert streams.said() == (b"read nothing", b"")


def test_streams_of_the_app_are_not_touched_and_the_pod_speaks_to_stderr(streams: Streams) -> None:
    nspawn(streams.given, streams.out, streams.err, handed=(0, 1))

    assert (os.get_blocking(streams.given), os.get_blocking(streams.out)) == (True, True)
    assert streams.said() == (b"", b"read 0")
    assert os.read(streams.given, 99) == b"for the app"


def test_a_terminal_is_where_the_pod_speaks_if_all_else_is_the_app_s(streams: Streams) -> None:
    nspawn(streams.terminal, streams.out, streams.err, handed=(1, 2))

    assert streams.said() == (b"", b"")
    assert os.read(streams.screen, 99) == b"read nothing"
