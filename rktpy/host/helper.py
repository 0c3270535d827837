"""A forked process that does one thing in a narrower place than ours, and tells how it went.

It dies with its parent, can gain no power, and keeps only the capabilities it was granted. What it
found out comes back through a pipe, as text: it may have been among strangers.
"""

from __future__ import annotations

import errno
import gc
import os
import resource

from rktpy import codec
from rktpy.errors import RktError
from rktpy.host import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn

# linux/capability.h
CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, MKNOD, SETFCAP = (
    1 << number for number in (0, 1, 2, 3, 4, 27, 31)
)
_ANSWER_LIMIT = 1 << 20
_MEMORY = 2 << 30  # address space


class HelperError(RktError):
    """What a helper could not do, in its words."""


class Helper:
    """A running helper. ``wait`` or ``cancel`` must be called, once."""

    __slots__ = ("_answer", "_pid")

    def __init__(self, work: Callable[[], list[str]], *, close: Iterable[int] = ()) -> None:
        """Start ``work``, which calls ``confine`` when it is where it should be.

        ``close`` are descriptors it must not hold, as the other end of its pipe. ``work``
        returns warnings and raises ``RktError`` or ``OSError``.
        """
        parent = os.getpid()
        self._answer, tell = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._answer)
                for fd in close:
                    os.close(fd)
                _serve(work, parent, tell)
            finally:
                os._exit(1)
        os.close(tell)

    def wait(self) -> list[str]:
        """Return its warnings.

        Raises:
            HelperError: what it refused.
            BrokenPipeError: nobody took what it wrote.
            OSError: the disk is full, or the like.
        """
        chunks: list[bytes] = []
        total = 0
        while total < _ANSWER_LIMIT and (chunk := os.read(self._answer, 1 << 16)):
            chunks.append(chunk)
            total += len(chunk)
        status = self._reap()
        if not chunks:
            raise HelperError(f"a helper process ended early (status {status})")
        head = codec.parse(b"".join(chunks), what="a helper's answer")
        if "errno" in head:
            number = int(head["errno"])
            raise OSError(number, os.strerror(number), str(head["path"]))
        if "error" in head:
            raise HelperError(str(head["error"]), hint=head["hint"])
        if "bug" in head:
            raise RuntimeError(f"a helper process failed: {head['bug']}")
        return [str(text) for text in head["warnings"]]

    def cancel(self) -> None:
        """End it; what it did so far stays."""
        try:
            os.kill(self._pid, 9)
        except ProcessLookupError:
            pass  # ended by itself; still ours to reap
        self._reap()

    def _reap(self) -> int:
        os.close(self._answer)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def confine(capabilities: int) -> None:
    """In a helper that is where it should be: keep ``capabilities`` and nothing more, for good."""
    os.umask(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > _MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    if os.geteuid() == 0:
        syscalls.keep_capabilities(capabilities)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 9)  # again: a change of owner takes it back


def _serve(work: Callable[[], list[str]], parent: int, tell: int) -> NoReturn:
    gc.disable()  # one pass over flat data; collecting it again and again only costs
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 9)
    if os.getppid() != parent:
        os._exit(1)  # it died before we asked to be told
    answer: dict[str, object]
    try:
        answer = {"warnings": list(work())}
    except RktError as error:
        answer = {"error": error.message, "hint": error.hint}
    except MemoryError:
        answer = {"error": "out of memory", "hint": None}
    except OSError as error:
        name = error.filename if error.filename is not None else ""
        text = os.fsdecode(name) if isinstance(name, (str, bytes)) else ""
        answer = {"errno": error.errno or errno.EIO, "path": text}
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        answer = {"bug": f"{type(error).__name__}: {error}"}
    view = memoryview(codec.compact(answer).encode("utf-8", "replace"))
    while view:
        view = view[os.write(tell, view) :]
    os._exit(0)
