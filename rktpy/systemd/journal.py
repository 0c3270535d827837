"""Journal files read by journalctl, in its export format: every field as the writer gave it.

The format is simple and stable, that of the files is not (systemd: JOURNAL_EXPORT_FORMATS.md).
Starting journalctl costs 10 ms; a library for the files would be one more dependency, and is not
on every host that has systemd.
"""

from __future__ import annotations

import subprocess

from rktpy.errors import RktError
from rktpy.host import process, syscalls
from rktpy.host.signals import SIGKILL
from rktpy.resource import Resource
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, TypeAlias

    Entry: TypeAlias = dict[bytes, bytes]

CURSOR = b"__CURSOR"
_CHUNK = 1 << 16
_FIELDS = "MESSAGE,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,_PID,_LINE_BREAK,_STREAM_ID"


class JournalError(RktError):
    """journalctl is missing, or refuses its arguments."""


class Query(Value):
    """Which entries of the journal below ``directory``. Empty texts and -1 mean all."""

    directory: str
    matches: tuple[str, ...] = ()  # journalctl's, such as ``_SYSTEMD_UNIT=web.service`` and ``+``
    since: str = ""  # as systemd.time(7) has it
    lines: int = -1  # at most so many, the newest
    after: str = ""  # a cursor: only what came after it


def journalctl_argv(query: Query, *, follow: bool) -> list[str]:
    """Return the command that prints the entries, and with ``follow`` goes on. Pure."""
    argv = ["journalctl", f"--directory={query.directory}", "--no-pager", "--quiet", "--all",
            "--output=export", f"--output-fields={_FIELDS}"]  # fmt: skip
    if query.after:
        argv.append(f"--after-cursor={query.after}")
    elif query.since:
        argv.append(f"--since={query.since}")
    if query.lines >= 0:
        argv.append(f"--lines={query.lines}")
    elif follow:
        argv.append("--lines=all")
    if follow:
        argv.append("--follow")
    return [*argv, *query.matches]


class Reader(Resource):
    """A running journalctl; closing the reader kills it."""

    __slots__ = ("_parser", "_process", "output")

    def __init__(self, query: Query, *, follow: bool = False) -> None:
        """Start it.

        Raises:
            JournalError: there is none.
        """
        argv = journalctl_argv(query, follow=follow)
        program = process.find_program(argv[0])
        if program is None:
            raise JournalError("journalctl is not on this host", hint="install systemd")
        self._process = subprocess.Popen(
            [program, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            preexec_fn=_end_with_parent,
        )
        self.output = _opened(self._process.stdout)
        self._parser = Parser()

    def read(self) -> list[Entry] | None:
        """Wait for output and return the entries completed by it, None at its end.

        Raises:
            JournalError: journalctl failed; the text is its own.
        """
        data = self.output.read(_CHUNK)
        if data:
            return self._parser.feed(data)
        words = _opened(self._process.stderr).read().decode("utf-8", "replace").strip()
        if self._process.wait() and words:
            raise JournalError(words.splitlines()[0])
        return None

    def close(self) -> None:
        """End it; twice is fine."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            _opened(pipe).close()


def read_all(query: Query) -> Iterator[list[Entry]]:
    """Yield the entries there are, in portions.

    Raises:
        JournalError: journalctl is missing or failed.
    """
    with Reader(query) as reader:
        while (entries := reader.read()) is not None:
            yield entries


class Parser:
    """Takes the export format in pieces of any size, returns whole entries."""

    __slots__ = ("_fields", "_rest")

    def __init__(self) -> None:
        self._fields: Entry = {}
        self._rest = b""

    def feed(self, data: bytes) -> list[Entry]:
        """Return the entries that ``data`` completes."""
        data = self._rest + data
        entries: list[Entry] = []
        at = 0
        while (end := data.find(b"\n", at)) >= 0:
            name, text, value = data[at:end].partition(b"=")
            if not name:  # an empty line ends an entry
                if self._fields:
                    entries.append(self._fields)
                self._fields = {}
            elif text:
                self._fields[name] = value
            else:  # a value of any bytes: its length in eight bytes, itself, and a line end
                start = end + 9
                stop = start + int.from_bytes(data[end + 1 : start], "little")
                if len(data) <= max(start, stop):
                    break
                self._fields[name] = data[start:stop]
                end = stop
            at = end + 1
        self._rest = data[at:]
        return entries


def _end_with_parent() -> None:
    """While it follows a quiet journal, journalctl does not notice that its reader has gone."""
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, SIGKILL)


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("not a pipe")
    return pipe
