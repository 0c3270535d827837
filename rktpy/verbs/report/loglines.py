"""Entries of a pod's journal → what ``rktpy logs`` prints. Pure.

journald cuts a line at 48 KiB, at a NUL and where a stream ends without a line end, and says so.
Text puts the pieces together as the app wrote them; JSON has an object for each.
"""

from __future__ import annotations

from rktpy import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from rktpy.systemd.journal import Entry

    Printer: TypeAlias = Callable[[Iterable[Entry]], bytes]

_UNIT = b"_SYSTEMD_UNIT"
_NAME = b"SYSLOG_IDENTIFIER"
_TIME = b"__REALTIME_TIMESTAMP"
_LINE_ENDS = {b"line-max": b"", b"nul": b"\0"}


def matches(apps: Iterable[str]) -> tuple[str, ...]:
    """Return journalctl's matches for what ``apps`` wrote, by whatever way, and for messages about
    them."""
    names = tuple(apps)
    units = [f"_SYSTEMD_UNIT={name}.service" for name in names]
    return (*units, "+", *(f"SYSLOG_IDENTIFIER={name}" for name in names))


def app_of(entry: Entry, apps: Iterable[str]) -> str:
    """Return which of ``apps`` an entry belongs to: that of its unit, else the one it names."""
    unit = entry.get(_UNIT, b"").decode("utf-8", "replace").removesuffix(".service")
    return unit if unit in apps else entry.get(_NAME, b"").decode("utf-8", "replace")


class TextPrinter:
    """Lines with nothing added, but the name in front if there are several apps, and the time if
    it was asked for."""

    __slots__ = ("_apps", "_open", "_timestamps")

    def __init__(self, apps: tuple[str, ...], *, timestamps: bool) -> None:
        self._apps = apps
        self._timestamps = timestamps
        self._open = b""  # the stream whose line goes on in its next entry

    def __call__(self, entries: Iterable[Entry]) -> bytes:
        return b"".join(piece for entry in entries for piece in self._pieces(entry))

    def _pieces(self, entry: Entry) -> tuple[bytes, ...]:
        stream = entry.get(b"_STREAM_ID", b"")
        message = entry.get(b"MESSAGE", b"")
        end = _LINE_ENDS.get(entry.get(b"_LINE_BREAK", b""), b"\n")
        before, self._open = self._open, b"" if end else stream
        if before and before == stream:
            return message, end
        return b"\n" if before else b"", self._head(entry), message, end

    def _head(self, entry: Entry) -> bytes:
        head = f"{_time(entry)} " if self._timestamps else ""
        if len(self._apps) > 1:
            head += f"{app_of(entry, self._apps)}: "
        return head.encode()


class JsonPrinter:
    """One object per entry. Bytes that are no UTF-8 are in ``base64`` as well."""

    __slots__ = ("_apps", "_write")

    def __init__(self, apps: tuple[str, ...], *, pretty: bool) -> None:
        self._apps = apps
        self._write = codec.pretty if pretty else codec.compact

    def __call__(self, entries: Iterable[Entry]) -> bytes:
        return b"".join(self._write(self._object(entry)).encode() + b"\n" for entry in entries)

    def _object(self, entry: Entry) -> dict[str, object]:
        message = entry.get(b"MESSAGE", b"")
        found: dict[str, object] = {
            "time": _time(entry),
            "app": app_of(entry, self._apps),
            "pid": int(entry.get(b"_PID", b"0")),
            "text": message.decode("utf-8", "replace"),
        }
        try:
            message.decode()
        except UnicodeDecodeError:
            from base64 import b64encode

            found["base64"] = b64encode(message).decode()
        if b"_LINE_BREAK" in entry:
            found["line_break"] = entry[b"_LINE_BREAK"].decode("utf-8", "replace")
        return found


def _time(entry: Entry) -> str:
    """Return when the entry was written, as RFC 3339 has it, to the microsecond."""
    import time

    seconds, micros = divmod(int(entry[_TIME]), 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{micros:06}Z"
