"""Runs one input after the other and says which of them a target must not take so.

Found is: anything raised but what the target allows, an error that cannot be described, more
than a second of processor time, more memory than the target grants. Each kind of finding is
written down once, with the first input that showed it.
"""

from __future__ import annotations

import hashlib
import os
import resource
import time
import traceback
from typing import TYPE_CHECKING, NamedTuple

from rktpy.cli.errors import describe
from rktpy.log import harmless

if TYPE_CHECKING:
    from tests.fuzz.target import Target

SECONDS = 1.0  # of processor time that one input may take, a mebibyte long at most
_BLANKS = {ord("\n"): None, ord("\t"): None}
SPACE = 2 << 30  # bytes of address space of the whole process


class Finding(NamedTuple):
    """One thing that is wrong; ``data`` shows it, ``text`` tells it."""

    kind: str
    text: str
    data: bytes

    def name(self, target: str) -> str:
        """Return what the file with the input is called."""
        return f"{target}-{hashlib.sha256(self.data).hexdigest()[:12]}"


class Judge:
    """Watches the runs of one ``target``; what it finds is in ``findings``, and its inputs are in
    the open directory ``folder`` if there is one: paths may mean something else by then.
    """

    def __init__(
        self, name: str, target: Target, folder: int = -1, *, seconds: float = SECONDS
    ) -> None:
        self.findings: list[Finding] = []
        self.executions = 0
        self._name = name
        self._target = target
        self._folder = folder
        self._seconds = seconds
        self._kinds: set[str] = set()

    def run(self, data: bytes) -> None:
        """Give ``data`` to the target."""
        self.executions += 1
        highest, started = _highest(), time.process_time()
        try:
            self._target.run(data)
        except self._target.allowed as error:
            self._check_words(error, data)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of Rust's is no Exception
            self._note(_kind(error), "".join(traceback.format_exception(error)), data)
        taken, grown = time.process_time() - started, _highest() - highest
        if taken > self._seconds:
            self._note("slow", f"{taken:.1f} s of processor time for {len(data)} bytes", data)
        if grown > self._target.memory:
            self._note("memory", f"{grown >> 20} MiB more for {len(data)} bytes", data)

    def _check_words(self, error: BaseException, data: bytes) -> None:
        try:
            words = harmless(describe("fuzz", error, debug=True))
        except Exception as bad:  # noqa: BLE001 - that is what we look for
            self._note(f"words:{_kind(bad)}", "".join(traceback.format_exception(bad)), data)
            return
        if len(words) > 1 << 16 or not words.translate(_BLANKS).isprintable():
            self._note(f"words:{_kind(error)}", f"no text for a terminal: {words[:300]!r}", data)

    def _note(self, kind: str, text: str, data: bytes) -> None:
        if kind in self._kinds:
            return
        self._kinds.add(kind)
        finding = Finding(kind, text, data)
        self.findings.append(finding)
        if self._folder >= 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            fd = os.open(finding.name(self._name), flags, 0o644, dir_fd=self._folder)
            with os.fdopen(fd, "wb") as file:
                file.write(data)


def limit_space() -> None:
    """Let the process have no more than ``SPACE``; for its own use only."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, hard))


def _highest() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _kind(error: BaseException) -> str:
    """Return what makes two failures the same: the error and where in rktpy it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/rktpy/" in f.filename and "/tests/" not in f.filename]
    last = (ours or frames)[-1] if frames else None
    where = f"{os.path.basename(last.filename)}:{last.lineno}" if last else "nowhere"
    return f"{type(error).__name__}@{where}"
