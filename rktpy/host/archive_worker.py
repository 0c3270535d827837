"""The process that unpacks: forked, locked into the target directory, stripped of power.

It sees the target as its root, keeps only the capabilities extraction needs, can gain none,
and dies with its parent. What it found out comes back through a pipe, as text to be checked.
"""

from __future__ import annotations

import errno
import gc
import os
import resource

from rktpy import codec
from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.host.archive_limits import ArchiveError
from rktpy.host.archive_reader import StreamEndedError
from rktpy.host.archive_unpack import Order, Outcome, Unpacker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP (linux/capability.h)
_CAPABILITIES = sum(1 << number for number in (0, 1, 3, 4, 27, 31))
_MEMORY = 2 << 30  # address space; 500,000 members with long names need a quarter of it
_RESULT_LIMIT = 64 << 20


class Worker:
    """A running extraction. ``wait`` or ``cancel`` must be called, once."""

    __slots__ = ("_pid", "_result")

    def __init__(self, pid: int, result: int) -> None:
        self._pid = pid
        self._result = result

    def wait(self) -> Outcome:
        """Return what the worker found.

        Raises:
            ArchiveError: what it refused, in its words.
            OSError: the disk is full.
        """
        chunks: list[bytes] = []
        total = 0
        while chunk := os.read(self._result, 1 << 16):
            chunks.append(chunk)
            total += len(chunk)
            if total > _RESULT_LIMIT:
                break
        status = self._reap()
        return _outcome(b"".join(chunks), status)

    def cancel(self) -> None:
        """End the worker; what it made so far stays for the caller to remove."""
        try:
            os.kill(self._pid, 9)
        except ProcessLookupError:
            pass  # ended by itself; still ours to reap
        self._reap()

    def _reap(self) -> int:
        os.close(self._result)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def start(order: Order, *, close: Iterable[int] = ()) -> Worker:
    """Start unpacking ``order`` in a process of its own.

    ``close`` are descriptors the worker must not hold, as the writing end of a progress pipe.
    Call it before starting threads. Not root: no chroot, and nothing to give up.
    """
    parent = os.getpid()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            for fd in close:
                os.close(fd)
            _work(order, parent, writing)
        finally:
            os._exit(1)
    os.close(writing)
    return Worker(pid, reading)


def _work(order: Order, parent: int, result: int) -> NoReturn:
    gc.disable()  # one pass over flat data; collecting it again and again only costs
    try:
        _confine(order, parent)
        outcome = Unpacker(order).run()
        head: dict[str, object] = {
            "entries": outcome.entries,
            "hash": outcome.tree_hash,
            "size": outcome.tree_size,
            "warnings": list(outcome.warnings),
        }
        answer = codec.compact(head).encode() + b"\n" + outcome.document
    except StreamEndedError:
        os._exit(1)  # nobody listens
    except RktError as error:
        answer = _failure(error.message, error.hint)
    except MemoryError:
        answer = _failure("the archive needs too much memory to unpack", None)
    except OSError as error:
        answer = codec.compact({"errno": error.errno or errno.EIO}).encode() + b"\n"
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        answer = codec.compact({"bug": f"{type(error).__name__}: {error}"}).encode() + b"\n"
    view = memoryview(answer)
    while view:
        view = view[os.write(result, view) :]
    os._exit(0)


def _failure(message: str, hint: str | None) -> bytes:
    return codec.compact({"error": message, "hint": hint}).encode() + b"\n"


def _confine(order: Order, parent: int) -> None:
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 9)
    if os.getppid() != parent:
        os._exit(1)  # it died before we asked to be told
    os.umask(0)
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, order.limits.stream),
    ):
        _lower(limit, value)
    if order.target:
        os.chdir(order.target)
    if os.geteuid() == 0:
        if order.target:
            os.chroot(".")
        syscalls.keep_capabilities(_CAPABILITIES if order.target else 0)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)


def _lower(limit: int, value: int) -> None:
    soft, hard = resource.getrlimit(limit)
    for present in (soft, hard):
        if present != resource.RLIM_INFINITY:
            value = min(value, present)
    resource.setrlimit(limit, (value, value))


def _outcome(answer: bytes, status: int) -> Outcome:
    line, newline, document = answer.partition(b"\n")
    if not newline:
        raise ArchiveError(f"the unpacking process ended early (status {status})")
    head = codec.parse(line, what="the unpacking process's answer")
    if "errno" in head:
        raise OSError(int(head["errno"]), os.strerror(int(head["errno"])))
    if "error" in head:
        raise ArchiveError(str(head["error"]), hint=head.get("hint"))
    if "bug" in head:
        raise RuntimeError(f"the unpacking process failed: {head['bug']}")
    return Outcome(
        document=document,
        entries=int(head["entries"]),
        tree_hash=str(head["hash"]),
        tree_size=int(head["size"]),
        warnings=tuple(str(text) for text in head["warnings"]),
    )
