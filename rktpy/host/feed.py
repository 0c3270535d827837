"""Other programs on the way to a running pod: what they read is given, what they say is kept.

Unlike ``process.run`` this imports nothing, and nothing can block: the three streams are files in
memory.
"""

from __future__ import annotations

import os
import select

from rktpy import log
from rktpy.host.process import DEFAULT_PATH, CommandError
from rktpy.host.signals import SIGKILL
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_OUTPUT = 64 << 20  # bytes; the rules of a large host have a few million
_MAX_WORDS = 1 << 12
TIME_LIMIT = 60.0  # seconds; iptables waits for others for half of that
_logger = log.Logger("feed")


class Fed(Value):
    """How a program ended; a negative ``status`` is a signal (``os.waitstatus_to_exitcode``)."""

    status: int
    output: bytes
    words: str  # what it wrote to stderr

    @property
    def failure(self) -> str:
        """What it said, or its status if that was nothing."""
        return self.words.strip() or f"status {self.status}"


def feed(
    argv: Sequence[str],
    text: bytes = b"",
    *,
    limit: float = TIME_LIMIT,
    hold: int = -1,
) -> Fed:
    """Run ``argv``, whose first word is a path, with ``text`` on its standard input.

    It gets a ``PATH`` and a ``LANG``, and nothing of ours but the descriptor ``hold``: a lock that
    must last as long as it works, also if we are killed meanwhile. ``limit`` counts seconds.

    Raises:
        CommandError: it cannot be executed, or does not end.
        OSError: there is no memory.
    """
    _logger.debug("+ %s < %d bytes", " ".join(argv), len(text))
    files = [os.memfd_create(name, os.MFD_CLOEXEC) for name in ("in", "out", "err")]
    try:
        _write(files[0], text)
        os.lseek(files[0], 0, os.SEEK_SET)
        held = [*files, hold] if hold >= 0 else files
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(held)]
        try:
            pid = os.posix_spawn(
                argv[0],
                list(argv),
                {"PATH": DEFAULT_PATH, "LANG": "C.UTF-8"},
                file_actions=actions,
            )
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise CommandError(f"cannot execute {argv[0]}: {why}") from error
        status = _wait(pid, argv[0], limit)
        words = os.pread(files[2], _MAX_WORDS, 0).decode("utf-8", "replace")
        return Fed(status, _read(files[1]), words)
    finally:
        for fd in files:
            os.close(fd)


def _wait(pid: int, program: str, limit: float) -> int:
    """Return how the child ended; who takes longer than ``limit`` is killed."""
    process = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(process, select.POLLIN)
        ended = bool(poll.poll(limit * 1000))
        if not ended:
            os.kill(pid, SIGKILL)
    except BaseException:
        os.kill(pid, SIGKILL)
        os.waitpid(pid, 0)
        raise
    finally:
        os.close(process)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not ended:
        raise CommandError(f"{program} did not end within {limit:g} s")
    return status


def _write(fd: int, text: bytes) -> None:
    view = memoryview(text)
    while view:
        view = view[os.write(fd, view) :]


def _read(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    if size > _MAX_OUTPUT:
        raise CommandError(f"a program wrote more than {_MAX_OUTPUT >> 20} MiB")
    parts = []
    offset = 0
    while chunk := os.pread(fd, 1 << 20, offset):
        parts.append(chunk)
        offset += len(chunk)
    return b"".join(parts)
