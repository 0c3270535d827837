"""A forked process that does one thing in a narrower place than ours, and tells how it went.

It dies with its parent, can gain no power, and keeps only the capabilities it was granted. What it
found out comes back through a pipe, as text: it may have been among strangers.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal itself imports enum
import errno
import gc
import os
import resource
import select
import time

from rktpy import codec
from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, NoReturn

# linux/capability.h
CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, MKNOD, SETFCAP = (
    1 << number for number in (0, 1, 2, 3, 4, 27, 31)
)
_ANSWER_LIMIT = 64 << 20
_AGAIN = 100  # ms
_LAST_WORDS = 20.0  # seconds that cleaning up may take
_MEMORY = 2 << 30  # address space; 500,000 members with long names need a quarter of it


_NO_FACTS: Mapping[str, str] = {}


class HelperError(RktError):
    """What a helper could not do, in its words."""


class Answer(Value):
    """What a helper found; each kind of helper has its own ``facts``."""

    warnings: tuple[str, ...] = ()
    facts: Mapping[str, str] = _NO_FACTS
    data: bytes = b""


class Helper:
    """A running helper. ``wait``, ``drop`` or ``cancel`` must be called.

    ``cancel`` may follow on either, and on a signal that ended it at any step.
    """

    __slots__ = ("_answer", "_failure", "_pid")

    def __init__(
        self,
        work: Callable[[], Answer],
        *,
        close: Iterable[int] = (),
        only: Iterable[int] | None = None,
        failure: type[RktError] = HelperError,
    ) -> None:
        """Start ``work``, which calls ``confine`` when it is where it should be.

        ``close`` are descriptors it must not hold, as the other end of its pipe; ``only`` are all
        that it may hold beside the three of every process, if that is given. ``work`` may
        raise ``RktError``, which ``wait`` raises as ``failure``, and ``OSError``. Call it before
        starting threads.
        """
        parent = os.getpid()
        self._failure = failure
        self._answer, tell = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._answer)
                for fd in close:
                    os.close(fd)
                if only is not None:
                    _hold((0, 1, 2, tell, *only))
                _serve(work, parent, tell)
            finally:
                os._exit(1)
        os.close(tell)

    def fileno(self) -> int:
        """Return what can be polled: it is readable when ``wait`` need not wait long."""
        return self._answer

    def wait(self) -> Answer:
        """Return what it found.

        Raises:
            RktError: what it refused; of the class ``failure``.
            BrokenPipeError: nobody took what it wrote.
            OSError: the disk is full, or the like.
        """
        chunks: list[bytes] = []
        total = 0
        while chunk := os.read(self._answer, 1 << 16):
            chunks.append(chunk)
            total += len(chunk)
            if total > _ANSWER_LIMIT:
                break
        status = self._reap()
        line, newline, data = b"".join(chunks).partition(b"\n")
        if not newline:
            raise self._failure(f"a helper process ended early (status {status})")
        head = codec.parse(line, what="a helper's answer")
        if "bug" in head:
            raise RuntimeError(f"a helper process failed: {head['bug']}")
        if "errors" in head:
            chain = [_error(one, self._failure) for one in head["errors"]]
            for number, cause in enumerate(chain[1:]):
                chain[number].__cause__ = cause
            raise chain[0]
        return Answer(tuple(head["warnings"]), head["facts"], data)

    def ask_to_stop(self) -> None:
        """Tell it to clean up and end (SIGTERM), if its work has called ``heed_signals``; any
        other ends at once. ``drop`` must follow.
        """
        if self._pid:  # 0 would be our own group; what is ours to reap nobody else's number is
            os.kill(self._pid, _signal.SIGTERM)

    def drop(self) -> None:
        """Wait until it has ended, whatever it may have to say. Instead of ``wait``.

        One that takes longer than 20 seconds is killed: what it was told may have got lost in a
        library, and what it leaves is what any kill leaves.
        """
        poll = select.poll()
        poll.register(self._answer, select.POLLIN)
        deadline = time.monotonic() + _LAST_WORDS
        while True:
            # A signal that comes just before a system call does not end the call: say it again.
            if not poll.poll(_AGAIN):
                if time.monotonic() > deadline:
                    self.cancel()
                    return
                self.ask_to_stop()
            elif not os.read(self._answer, 1 << 16):
                break
        self._reap()

    def cancel(self) -> None:
        """End it, if it has not been waited for; what it did so far stays."""
        if self._pid:
            os.kill(self._pid, _signal.SIGKILL)
            self._reap()

    def _reap(self) -> int:
        answer, self._answer = self._answer, -1
        if answer >= 0:
            os.close(answer)
        pid = self._pid
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self._pid = 0  # first: when it is reaped the number may be a stranger's
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Stopped(BaseException):
    """Raised in a helper that is to clean up and end."""


def heed_signals() -> None:
    """In a helper: the first SIGTERM or SIGINT raises ``Stopped``, the next ones do nothing."""
    told: list[int] = []  # SIG_IGN instead makes Python complain of a signal that is under way

    def stop(number: int, _frame: object) -> None:
        told.append(number)
        if len(told) == 1:
            raise Stopped

    for number in (_signal.SIGTERM, _signal.SIGINT):
        _signal.signal(number, stop)


def _hold(kept: Iterable[int]) -> None:
    """Close all descriptors but those in ``kept``."""
    limit = 1 + max(int(name) for name in os.listdir("/proc/self/fd"))
    start = 0
    for fd in (*sorted(kept), limit):
        if start < fd:  # closerange(0, 0) closes everything
            os.closerange(start, fd)
        start = fd + 1


def confine(capabilities: int, *, file_size: int = resource.RLIM_INFINITY) -> None:
    """In a helper that is where it should be: keep ``capabilities`` and nothing more, for good.

    No file may become larger than ``file_size``. Not root: there is nothing to give up.
    """
    os.umask(0)
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, file_size),
    ):
        _lower(limit, value)
    if os.geteuid() == 0:
        syscalls.keep_capabilities(capabilities)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 9)  # again: a change of owner takes it back


def _lower(limit: int, value: int) -> None:
    for present in resource.getrlimit(limit):
        if present != resource.RLIM_INFINITY:
            value = present if value == resource.RLIM_INFINITY else min(value, present)
    resource.setrlimit(limit, (value, value))


def _serve(work: Callable[[], Answer], parent: int, tell: int) -> NoReturn:
    gc.disable()  # one pass over flat data; collecting it again and again only costs
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 9)
    if os.getppid() != parent:
        os._exit(1)  # it died before we asked to be told
    head: dict[str, object]
    data = b""
    try:
        answer = work()
        head, data = {"warnings": answer.warnings, "facts": dict(answer.facts)}, answer.data
    except (RktError, OSError) as error:
        head = {"errors": _told(error)}
    except MemoryError:
        head = {"errors": [{"error": "this needs too much memory", "hint": None}]}
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        head = {"bug": f"{type(error).__name__}: {error}"}
    view = memoryview(codec.compact(head).encode("utf-8", "replace") + b"\n" + data)
    while view:
        view = view[os.write(tell, view) :]
    os._exit(0)


def _told(error: BaseException | None) -> list[dict[str, object]]:
    """Return ``error`` and what it was raised from, as far as these are for users."""
    found: list[dict[str, object]] = []
    seen: list[BaseException] = []  # who raises an error from itself makes a ring
    while isinstance(error, (RktError, OSError)) and error not in seen:
        seen.append(error)
        if isinstance(error, RktError):
            found.append({"error": error.message, "hint": error.hint})
        else:
            name = error.filename if error.filename is not None else ""
            text = os.fsdecode(name) if isinstance(name, (str, bytes)) else ""
            found.append({"errno": error.errno or errno.EIO, "path": text})
        error = error.__cause__
    return found


def _error(told: Mapping[str, Any], failure: type[RktError]) -> Exception:
    if "errno" in told:
        number = int(told["errno"])
        return OSError(number, os.strerror(number), *([told["path"]] if told["path"] else ()))
    return failure(str(told["error"]), hint=told["hint"])
