"""Reports problems to the journal, or whatever there is instead.

At a daemon-reload journald listens and takes file and line as separate fields
(systemd.journal-fields(7): CODE_FILE=, CODE_LINE=). At boot it does not run yet, but reads later
what is written to /dev/kmsg now. A container has neither; there only the failing unit tells.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.generator.file.ini import Problem

JOURNAL = "/run/systemd/journal/socket"
KMSG = "/dev/kmsg"
NAME = "rktpy-generator"
_ERROR = 3  # priority (syslog(3))
_LONGEST = 800  # bytes; the kernel's log takes lines of less than 1 KiB


def tell(problems: Sequence[Problem], *, journal: str = JOURNAL, kmsg: str = KMSG) -> None:
    """Write each problem to the journal, else to the kernel's log, else to stderr."""
    for problem in problems:
        if not _to_journal(fields(problem), journal) and not _to_kernel(problem, kmsg):
            _write(2, _bytes(f"{NAME}: {problem}\n"))


def fields(problem: Problem) -> bytes:
    """Return ``problem`` in journald's native protocol (systemd.io, JOURNAL_NATIVE_PROTOCOL)."""
    found = (
        ("MESSAGE", str(problem)),
        ("PRIORITY", str(_ERROR)),
        ("SYSLOG_IDENTIFIER", NAME),
        ("CODE_FILE", problem.file),
        ("CODE_LINE", str(problem.line) if problem.line else ""),
    )
    return b"".join(_field(name, _bytes(text)) for name, text in found if text)


def _field(name: str, value: bytes) -> bytes:
    if b"\n" in value:
        return name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
    return name.encode() + b"=" + value + b"\n"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")[: 1 << 14]


def _to_journal(data: bytes, path: str) -> bool:
    import _socket  # socket itself imports enum and selectors

    try:
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            # PID 1 waits for us: if journald does not keep up we go elsewhere.
            sock.sendto(data, _socket.MSG_DONTWAIT, path)
        finally:
            sock.close()
    except OSError:
        return False
    return True


def _to_kernel(problem: Problem, path: str) -> bool:
    line = " ".join(str(problem).split())
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return _write(fd, f"<{_ERROR}>{NAME}: ".encode() + _bytes(line)[:_LONGEST] + b"\n")
    finally:
        os.close(fd)


def _write(fd: int, data: bytes) -> bool:
    try:
        return os.write(fd, data) == len(data)
    except OSError:
        return False
