"""Other people's programs that are asked one thing: fed a text, and heard to the end.

Such a program holds no descriptor of ours but its three, and leads a process group of its own.
Between us and it stands a keeper, a process of ours that adopts all that the program starts:

    we ──leash──► keeper ──► program ──► what it starts, in whatever session

When we die, or the program takes too long or says too much, the leash is let go, and the keeper
kills all of them before it ends. What a program leaves behind after it ended by itself is neither
waited for nor killed, even if that holds on to its output.
"""

from __future__ import annotations

import errno
import os
import select
import time

from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.host.lock import LockBusyError, lock_dir
from rktpy.host.signals import (
    SIG_DFL,
    SIG_IGN,
    SIGHUP,
    SIGINT,
    SIGKILL,
    SIGPIPE,
    SIGQUIT,
    SIGTERM,
    signal,
)
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from rktpy.host.lock import Lock

ANSWER_LIMIT = 1 << 20  # bytes
_TROUBLE = 3  # descriptor that closes at exec; what comes through it is why there was none
_STATUS = "="  # what goes before the keeper's word of how the program ended
_PAUSE = 0.01  # seconds


class AskedError(RktError):
    """A program could not be executed, or was killed because it took too long or said too much."""


class Said(Value):
    """What a program wrote to stdout; a negative ``status`` is the signal that ended it."""

    status: int
    text: bytes


def ask(
    path: str,
    text: bytes,
    environment: Mapping[str, str],
    *,
    cwd: str,
    limit: float,
    turn: str = "",
) -> Said:
    """Run ``path`` in the directory ``cwd`` with ``text`` on stdin, for at most ``limit`` seconds.

    Its stderr is ours. ``turn`` is a directory that is locked as long as the program, or what it
    started and is being killed, runs: who asks for the same pod takes turns with those. Call it
    before threads start: a child dies with the thread that made it.

    Raises:
        AskedError: it did not run, or not to its end.
    """
    deadline = time.monotonic() + limit
    lock = _take(turn, path, deadline, limit) if turn else None
    stdin = os.memfd_create("asked")  # a file: nobody waits for who does not read it
    try:
        view = memoryview(text)
        while view:
            view = view[os.write(stdin, view) :]
        os.lseek(stdin, 0, os.SEEK_SET)
        (answer, stdout), (told, tell) = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        held, leash = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            os.close(leash)
            _keep(path, environment, cwd, held, (stdin, stdout, tell))
        for fd in (stdout, tell, held):
            os.close(fd)
    finally:
        os.close(stdin)
        if lock is not None:
            lock.close()  # from now on it is the keeper's
    try:
        said = _hear(path, pid, (answer, told, leash), deadline, limit)
    finally:
        os.close(answer)
        os.close(told)
    return said


def _take(turn: str, path: str, deadline: float, limit: float) -> Lock:
    while True:
        try:
            return lock_dir(turn, wait=False)
        except LockBusyError:
            if time.monotonic() > deadline:
                raise AskedError(
                    f"{path} did not get its turn within {limit:g} s",
                    hint=f"see who holds {turn} with: fuser -v {turn}",
                ) from None
            time.sleep(_PAUSE)


def _keep(
    path: str, environment: Mapping[str, str], cwd: str, held: int, fds: tuple[int, int, int]
) -> NoReturn:
    """In the keeper: have the program run, tell how it ended, and end."""
    try:
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        keeper = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become(path, environment, cwd, keeper, fds)
        for number in (SIGHUP, SIGINT, SIGQUIT, SIGTERM):
            signal(number, SIG_IGN)  # those of a terminal are for who asked
        for fd in fds[:2]:
            os.close(fd)  # as long as somebody has it, more may come
        process = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(process, select.POLLIN)
        poll.register(held, 0)  # nobody writes: it hangs up
        poll.poll()
        if held in [fd for fd, _ in poll.poll(0)]:
            _end(pid)
        else:
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            os.write(fds[2], f"{_STATUS}{status}".encode())
    finally:
        os._exit(0)


def _end(pid: int) -> None:
    """Kill the child ``pid``, its group, and all that either has started."""
    _kill(pid)
    try:
        while True:
            for child in _children():
                _kill(child)
            os.waitpid(-1, 0)  # those of one that ended are ours now
    except ChildProcessError:
        pass  # that was the last one


def _children() -> list[int]:
    try:
        with open("/proc/thread-self/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []  # a kernel without this list: only the group is known


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
        os.write(_TROUBLE, f"{error.errno or errno.EIO} ".encode())
    finally:
        os._exit(127)


def _hear(path: str, pid: int, fds: tuple[int, int, int], deadline: float, limit: float) -> Said:
    """Return what it says until it ends; it has ended, one way or the other, when this does."""
    answer, told, leash = fds
    said = bytearray()
    why = ""
    try:
        process = os.pidfd_open(pid)
        try:
            why = _listen(process, answer, said, deadline)
        finally:
            os.close(process)
    finally:
        os.close(leash)
        os.waitpid(pid, 0)
    failure, _, status = os.read(told, 1 << 12).decode().partition(_STATUS)
    if why == "late":
        raise AskedError(f"{path} did not end within {limit:g} s", hint="it was killed")
    if why:
        raise AskedError(f"{path} says more than {ANSWER_LIMIT} bytes", hint="it was killed")
    if failure:
        number = int(failure)
        hint = f"chmod +x {path}" if number == errno.EACCES else f"look at what {path} is"
        raise AskedError(f"cannot execute {path}: {os.strerror(number)}", hint=hint)
    if not status:
        raise AskedError(f"somebody killed who was waiting for {path}", hint="try again")
    return Said(int(status), bytes(said))


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
