"""``rktpy top [--interval=1s] [--no-stream] [UUID ...]``."""

from __future__ import annotations

import os

from rktpy.cli.call import write
from rktpy.cli.output import binary_size, table
from rktpy.verbs.report.top import TopRequest, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from rktpy.cli.call import Call
    from rktpy.verbs.report.top import PodRows, Row

_SHORT_UUID = 8
_HEADER = ["POD", "APP", "CPU %", "CPU TIME", "MEMORY", "LIMIT", "READ", "WRITTEN", "PIDS"]
_CLEAR = b"\x1b[H\x1b[2J"  # cursor home, then clear the screen
_LEAST = 100_000_000  # ns between two pictures


def top(call: Call) -> int:
    """Print what pods use: once, or on a terminal again and again until interrupted."""
    interval: int = call.options["interval"]
    if interval < 0:
        raise call.bad_value("interval", f"{interval}ns", "must not be negative")
    form = call.options["format"]
    live = not (form or call.options["no-stream"]) and interval > 0 and os.isatty(1)
    if live:
        interval = max(interval, _LEAST)
    pictures = watch(call.site, TopRequest(texts=tuple(call.args), interval=interval))
    for found in pictures:
        if form:
            call.out(_json(found, indented=form == "json-pretty"))
        elif live:
            picture = _cut(table(_lines(call, found))).rstrip("\n") + "\n"
            write(_CLEAR + picture.encode())  # at once, or it flickers; cells are harmless
        else:
            call.out(table(_lines(call, found)))
        if not live:
            break
    return 0


def _lines(call: Call, found: list[PodRows]) -> Iterator[list[str]]:
    if not call.options["no-legend"]:
        yield _HEADER
    full = call.options["full"]
    for pod in found:
        uuid = pod.uuid if full else pod.name or pod.uuid[:_SHORT_UUID]
        yield [uuid, "(all)", *_cells(pod.whole)]
        for row in pod.apps:
            yield ["", row.app, *_cells(row)]


def _cells(row: Row) -> Iterator[str]:
    usage = row.usage
    yield "-" if row.cpu_percent is None else f"{row.cpu_percent:.1f}"
    yield "-" if usage.cpu is None else _cpu_time(usage.cpu)
    for size in (usage.memory, usage.memory_limit, usage.read, usage.written):
        yield "-" if size is None else binary_size(size)
    yield "-" if usage.pids is None else str(usage.pids)


def _cpu_time(ns: int) -> str:
    """Return ``1.23s``, ``2m03s`` or ``5h02m``: three digits tell enough."""
    hundredths = ns // 10_000_000
    seconds = hundredths // 100
    if seconds < 60:
        return f"{seconds}.{hundredths % 100:02d}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    return f"{seconds // 3600}h{seconds // 60 % 60:02d}m"


def _cut(text: str) -> str:
    """Return as many lines of ``text`` as the terminal shows at once."""
    try:
        rows = os.get_terminal_size(1).lines
    except OSError:
        return text
    lines = text.splitlines()
    return "\n".join(lines[: rows - 1] if rows > 1 else lines)  # 0: it does not know


def _json(found: list[PodRows], *, indented: bool) -> str:
    from rktpy.codec import compact, pretty

    document = [
        {"name": pod.uuid, "pod_name": pod.name, **_object(pod.whole)}
        | {"apps": [{"name": row.app, **_object(row)} for row in pod.apps]}
        for pod in found
    ]
    return (pretty if indented else compact)(document)


def _object(row: Row) -> dict[str, Any]:
    usage, percent = row.usage, row.cpu_percent
    return {
        "cpu_percent": None if percent is None else round(percent, 2),
        "cpu_time_ns": usage.cpu,
        "memory": usage.memory,
        "memory_limit": usage.memory_limit,
        "io_read": usage.read,
        "io_written": usage.written,
        "pids": usage.pids,
    }
