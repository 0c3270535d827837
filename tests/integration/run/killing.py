"""Kills a command at chosen steps: system calls that change something, counted by strace.

A command is recorded once; a *moment* is its n-th call of one kind. Run again, it is killed when
it is about to make that call. Only the process itself is traced: where it becomes systemd-nspawn
the steps of nspawn follow, what it forks is left alone, as a real SIGKILL would.
"""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integration.run.rk import PATIENCE, until
from tests.support import leaks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.integration.run.rk import Rktpy

# "?": not every architecture has all of them.
CALLS = (
    "?mkdir", "mkdirat", "?rename", "renameat", "renameat2", "openat", "write", "pwrite64",
    "mount", "umount2", "unshare", "?symlink", "symlinkat", "?link", "linkat", "fsync",
    "fdatasync", "?fork", "?vfork", "clone", "clone3", "execve", "?unlink", "unlinkat", "?rmdir",
    "flock", "?chmod", "fchmod", "fchmodat", "chdir", "ftruncate", "?utimensat", "kill",
)  # fmt: skip
_COMMON = {"mkdir", "openat", "write", "fchmod", "chmod", "mkdirat", "symlink", "symlinkat"}
_LINE = re.compile(r"(?P<call>\w+)\((?P<rest>.*)")
_CLONED = re.compile(r"= (\d+)\n")
_PLAIN_OPEN = re.compile(r"O_CREAT|O_WRONLY|O_RDWR|O_TRUNC")
_ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}  # paths are looked up on it


@dataclass(frozen=True)
class Moment:
    """Before the ``number``-th ``call``; ``text`` is how strace showed it when it was recorded."""

    call: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.call}#{self.number} {self.text}"


def record(argv: Sequence[str], file: Path) -> list[Moment]:
    """Run ``argv`` to its end and return the moments at which it changed something."""
    done = _strace(argv, file, f"--trace={','.join(CALLS)}")
    assert done in (0, 3), done
    return _moments(file)[1:]  # the first is strace's own exec of the command


def record_thread(argv: Sequence[str], file: Path) -> list[Moment]:
    """Return the moments of the last thread that ``argv`` starts and that ``kill_thread_at`` can
    reach: those whose number the main thread has not passed before.
    """
    done = _strace(
        argv, file, "--follow-forks", "--output-separately", f"--trace={','.join(CALLS)}"
    )
    assert done in (0, 3), done
    texts = [p.read_text("utf-8", "replace") for p in file.parent.glob(f"{file.name}.*")]
    (main,) = [text for text in texts if text.startswith(f'execve("{argv[0]}"')]
    before, _, after = main.rpartition("CLONE_THREAD")
    cloned = _CLONED.search(after)
    assert cloned is not None, "no thread"
    passed = [line.partition("(")[0] for line in before.splitlines()]
    moments = _moments(file.with_name(f"{file.name}.{cloned[1]}"))
    return [moment for moment in moments if moment.number > passed.count(moment.call)]


def _moments(file: Path) -> list[Moment]:
    """Read a trace. Of writes in a row the first stands for all: copies have thousands."""
    counts: dict[str, int] = {}
    moments: list[Moment] = []
    for line in file.read_text("utf-8", "replace").splitlines():
        match = _LINE.match(line)
        if not match:
            continue  # a signal or the end
        call, rest = match["call"], match["rest"]
        counts[call] = counts.get(call, 0) + 1
        again = call == "write" and [m.call for m in moments[-1:]] == ["write"]
        failed = " = -1 " in rest
        if not again and not failed and (call != "openat" or _PLAIN_OPEN.search(rest)):
            moments.append(Moment(call, counts[call], rest))
    return moments


def spread(moments: Sequence[Moment], count: int) -> list[Moment]:
    """Return ``count`` moments from the first to the last, evenly apart."""
    last = len(moments) - 1
    return [moments[round(place * last / (count - 1))] for place in range(count)]


def choose(moments: Sequence[Moment], count: int) -> list[Moment]:
    """Return ``count`` moments: every one that changes what the rest means, the others evenly."""
    key = [moment for moment in moments if moment.call not in _COMMON]
    chosen = key + spread([m for m in moments if m.call in _COMMON], count - len(key))
    return [moment for moment in moments if moment in chosen]


def kill_at(moment: Moment, argv: Sequence[str], file: Path) -> bool:
    """Run ``argv`` and kill it at ``moment``; return whether it got there."""
    call, number = moment.call, moment.number
    if call == "execve":
        number -= 1  # the first is strace's own and not counted
    status = _strace(argv, file, f"--trace={call}", f"--inject={call}:signal=KILL:when={number}")
    return status == -signal.SIGKILL


def kill_thread_at(moment: Moment, argv: Sequence[str], file: Path) -> bool:
    """Let the main thread of ``argv`` wait, and kill all when the other is at ``moment``."""
    calls = ("--follow-forks", f"--trace={moment.call},unshare")
    wait = "--inject=unshare:delay_enter=500000:when=1"  # microseconds
    kill = f"--inject={moment.call}:signal=KILL:when={moment.number}"
    return _strace(argv, file, *calls, wait, kill) == -signal.SIGKILL


def _strace(argv: Sequence[str], file: Path, *options: str) -> int:
    command = ["strace", "--quiet=all", f"--output={file}", *options, "--", *argv]
    return subprocess.run(
        command,
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
    ).returncode


class Ground:
    """What there was before the first kill, and what has to be the same after each ``gc``."""

    def __init__(self, rkt: Rktpy, *, images: bool = False) -> None:
        """``images``: let ``image gc`` clean, too; it also takes trees that no pod uses."""
        self._rkt = rkt
        self._commands: list[tuple[str, ...]] = [
            ("gc", "--grace-period=0s", "--expire-prepared=0s")
        ]
        if images:
            self._commands.append(("image", "gc"))
            rkt.ok("image", "gc")
        self._outside = leaks.take()
        self._inside = set(tree_of(rkt.data))

    def complaints(self) -> list[str]:
        """Collect, and return what is left all the same."""
        found = []
        until(self._nothing_runs, "end of what the killed process had forked")
        for command in self._commands:
            done = self._rkt(*command)
            if done.status:
                found.append(f"{command}: status {done.status}: {done.err}")
        found += leaks.settled(self._outside)
        now = set(tree_of(self._rkt.data))
        found += [f"file left behind: {path}" for path in sorted(now - self._inside)]
        found += [f"file lost: {path}" for path in sorted(self._inside - now)]
        return found

    def _nothing_runs(self) -> bool:
        """Return whether all pods are free: a fork of the killed process may hold a lock a while.

        ``gc`` would leave such a pod to the next ``gc``, as it leaves one that runs.
        """
        lines = self._rkt.ok("list", "--no-legend").splitlines()
        return not any("\trunning\t" in line or "\tpreparing\t" in line for line in lines)


def tree_of(root: Path) -> dict[str, int | None]:
    """Return all there is below ``root``: the size of files and links, None for directories.

    What SQLite keeps beside a database and the lock of preparation come and go.
    """
    found: dict[str, int | None] = {}
    for where, folders, files in os.walk(root):
        below = os.path.relpath(where, root)
        # A link to a directory is among the folders only while that is there.
        for name in (*folders, *files):
            status = os.lstat(f"{where}/{name}")
            found[f"{below}/{name}"] = None if stat.S_ISDIR(status.st_mode) else status.st_size
    volatile = ("-wal", "-shm", "Lock")
    return {path: what for path, what in found.items() if not path.endswith(volatile)}
