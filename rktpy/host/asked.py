"""Other people's programs that are asked one thing: fed a text, and heard to the end.

Such a program holds no descriptor of ours but its three, leads a process group of its own, and is
killed when we are. It is killed with its group when it takes too long or says too much. What it
leaves behind after it ended is not waited for, even if that holds on to its output.
"""

from __future__ import annotations

import errno
import os
import select
import time

from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.host.signals import SIG_DFL, SIGKILL, SIGPIPE, signal
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

ANSWER_LIMIT = 1 << 20  # bytes
_TROUBLE = 3  # descriptor that closes at exec; what comes through it is why there was none


class AskedError(RktError):
    """A program could not be executed, or was killed because it took too long or said too much."""


class Said(Value):
    """What a program wrote to stdout; a negative ``status`` is the signal that ended it."""

    status: int
    text: bytes


def ask(path: str, text: bytes, environment: Mapping[str, str], *, cwd: str, limit: float) -> Said:
    """Run ``path`` in the directory ``cwd`` with ``text`` on stdin, for at most ``limit`` seconds.

    Its stderr is ours. Call it before threads start: a child dies with the thread that made it.

    Raises:
        AskedError: it did not run, or not to its end.
    """
    parent = os.getpid()
    stdin = os.memfd_create("asked")  # a file: nobody waits for who does not read it
    try:
        view = memoryview(text)
        while view:
            view = view[os.write(stdin, view) :]
        os.lseek(stdin, 0, os.SEEK_SET)
        (answer, stdout), (trouble, tell) = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            _become(path, environment, cwd, parent, (stdin, stdout, tell))
        os.close(stdout)
        os.close(tell)
    finally:
        os.close(stdin)
    try:
        said = _hear(path, pid, answer, limit)
        failure = os.read(trouble, 1 << 12)
    finally:
        os.close(answer)
        os.close(trouble)
    if failure:
        number = int(failure)
        hint = f"chmod +x {path}" if number == errno.EACCES else f"look at what {path} is"
        raise AskedError(f"cannot execute {path}: {os.strerror(number)}", hint=hint)
    return said


def _become(
    path: str, environment: Mapping[str, str], cwd: str, parent: int, fds: tuple[int, int, int]
) -> NoReturn:
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # it died before we asked to be told
        os.setpgid(0, 0)
        signal(SIGPIPE, SIG_DFL)
        for number, fd in zip((0, 1, _TROUBLE), fds, strict=True):
            os.dup2(fd, number, inheritable=number != _TROUBLE)
        os.closerange(_TROUBLE + 1, 1 + max(int(name) for name in os.listdir("/proc/self/fd")))
        os.chdir(cwd)
        os.execve(path, [path], dict(environment))  # noqa: S606 - that is the point
    except OSError as error:
        os.write(_TROUBLE, str(error.errno or errno.EIO).encode())
    finally:
        os._exit(127)


def _hear(path: str, pid: int, answer: int, limit: float) -> Said:
    """Return what it says until it ends; it has ended, one way or the other, when this does."""
    said = bytearray()
    try:
        process = os.pidfd_open(pid)
        try:
            why = _listen(process, answer, said, time.monotonic() + limit)
        finally:
            os.close(process)
    except BaseException:
        _kill(pid)
        os.waitpid(pid, 0)
        raise
    if why:
        _kill(pid)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if why == "late":
        raise AskedError(f"{path} did not end within {limit:g} s", hint="it was killed")
    if why:
        raise AskedError(f"{path} says more than {ANSWER_LIMIT} bytes", hint="it was killed")
    return Said(status, bytes(said))


def _listen(process: int, answer: int, said: bytearray, deadline: float) -> str:
    """Gather in ``said``; return "" when it has ended, else why it is not heard any longer."""
    os.set_blocking(answer, False)
    poll = select.poll()
    poll.register(answer, select.POLLIN)
    poll.register(process, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        ready = [fd for fd, _event in poll.poll(max(0, int(left * 1000) + 1))]
        if not _drain(answer, said) and answer in ready:
            poll.unregister(answer)  # it closed stdout, and goes on
        if len(said) > ANSWER_LIMIT:
            return "long"
        if process in ready:
            return ""
        if left <= 0:
            return "late"


def _drain(fd: int, said: bytearray) -> bool:
    """Read what is there; return whether more may come."""
    try:
        while len(said) <= ANSWER_LIMIT:
            chunk = os.read(fd, 1 << 16)
            if not chunk:
                return False
            said += chunk
    except BlockingIOError:
        pass  # all there is for now
    return True


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # it may not have got as far as a group of its own
        try:
            kill(pid, SIGKILL)
        except ProcessLookupError:
            pass  # ended by itself; still ours to reap
