"""``rktpy events``."""

from __future__ import annotations

import time

from rktpy.cli.moments import parse_moment
from rktpy.cli.output import SECOND, full_time
from rktpy.log import harmless
from rktpy.pod.events.story import Kind, Step
from rktpy.verbs.report.eventfilter import Filters
from rktpy.verbs.report.events import EventsRequest
from rktpy.verbs.report.events import events as watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from rktpy.cli.call import Call
    from rktpy.pod.events.story import Event

_STDOUT = 1


def events(call: Call) -> int:
    """Print events as they come, each in one write."""
    options = call.options
    if options["count"] < 0:
        raise call.bad_value("count", str(options["count"]), "must not be negative")
    now = time.time_ns()
    request = EventsRequest(
        since=parse_moment(options["since"], now) if options["since"] else None,
        until=parse_moment(options["until"], now) if options["until"] else None,
        follow=not options["no-stream"],
        filters=Filters(options["filter"]),
        count=options["count"],
    )
    form = options["format"]
    for event in watch(call.site, request, reader=_STDOUT):
        call.out(_json(event, indented=form == "json-pretty") if form else _line(event))
    return 0


def _line(event: Event) -> str:
    words = [full_time(event.at), event.kind, event.step]
    if event.uuid or event.image:
        words.append(event.uuid or event.image)
    return " ".join([*words, *(f"{key}={_word(value)}" for key, value in _details(event))])


def _details(event: Event) -> Iterator[tuple[str, str]]:
    if event.app:
        yield "app", event.app
    if event.name:
        yield "name", event.name
    if _has_status(event):
        yield "status", "unknown" if event.status is None else str(event.status)
    if event.oom_killed:
        yield "oom", "true"
    if event.labels:
        yield "labels", ",".join(f"{key}={value}" for key, value in event.labels)


def _word(text: str) -> str:
    """A label may be a stranger's: one line stays one, and a blank does not look like the next."""
    return harmless(text).replace("\n", "\\n").replace("\t", "\\t").replace(" ", "\\x20")


def _has_status(event: Event) -> bool:
    return event.step == Step.EXITED


def _json(event: Event, *, indented: bool) -> str:
    from rktpy.codec import compact, pretty

    found: dict[str, Any] = {
        "time": _utc(event.at),
        "time_ns": event.at,
        "type": event.kind,
        "event": event.step,
    }
    if event.kind == Kind.IMAGE:
        found |= {"id": event.image, "name": event.name}
    elif event.uuid:  # rkt's "name" of a pod is its UUID, as in ``list``
        found |= {"name": event.uuid, "pod_name": event.name, "user_labels": dict(event.labels)}
    if event.app:
        found |= {"app": event.app, "oom_killed": event.oom_killed}
    if _has_status(event):
        found["exit_code"] = event.status
    return (pretty if indented else compact)(found)


def _utc(ns: int) -> str:
    """Return a moment as RFC 3339 has it, to the microsecond."""
    seconds, rest = divmod(ns, SECOND)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1000:06d}Z"
