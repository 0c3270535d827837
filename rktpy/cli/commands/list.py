"""``rktpy list``."""

from __future__ import annotations

import time

from rktpy.cli.output import full_time, relative_time, table
from rktpy.cli.pods import network_text, pod_object, require_creation_time
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.log import write_line
from rktpy.pod.naming import name_in
from rktpy.pod.phase import State, after_run
from rktpy.verbs.report.list import list_pods, user_labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from rktpy.cli.call import Call
    from rktpy.pod.after.ending import Ending
    from rktpy.pod.lifecycle import Pod
    from rktpy.pod.state.record import PodRecord

_RULE = "-" * 40
_SHORT_UUID = 8
_SHORT_ID = 19  # "sha512-" and twelve digits
_HEADERS = {
    "uuid": "UUID", "name": "NAME", "app": "APP", "image": "IMAGE NAME", "imageid": "IMAGE ID",
    "state": "STATE", "created": "CREATED", "started": "STARTED", "networks": "NETWORKS",
    "labels": "LABELS", "ended": "ENDED",
}  # fmt: skip
_COLUMNS = ["uuid", "app", "image", "state", "created", "started", "networks"]
_FULL_COLUMNS = [*_COLUMNS[:3], "imageid", *_COLUMNS[3:]]


def list_(call: Call) -> int:
    """Print pods as a table or JSON; what could not be read goes to stderr first."""
    problems: list[RktError] = []
    text = (_json if call.options["format"] else _table)(call, problems)
    if problems:
        _print_problems(call, problems)
    call.out(text)
    return 0


def _table(call: Call, problems: list[RktError]) -> str:
    full = bool(call.options["full"])
    fields = _FULL_COLUMNS if full else _COLUMNS
    if call.options["fields"]:
        fields = call.words("fields", tuple(_HEADERS))
    rows: list[list[str]] = []
    if not call.options["no-legend"]:
        rows.append([_HEADERS[field] for field in fields])
    now = time.time_ns()
    for pod, record in list_pods(call.site, call.options["label"], odd=_odd):
        problems += record.problems
        if record.manifest is not None or not record.problems:
            ending = _ending(pod, record) if "ended" in fields else None
            rows += _rows(record, ending, now, fields, full=full)
    return table(rows)


def _rows(
    record: PodRecord, ending: Ending | None, now: int, fields: list[str], *, full: bool
) -> Iterator[list[str]]:
    def shown(moment: int) -> str:
        return full_time(moment) if full else relative_time(moment, now)

    cells = {
        "uuid": record.uuid if full else record.uuid[:_SHORT_UUID],
        "state": record.state,
        "created": shown(record.created),
        "started": shown(record.started) if record.started else "",
        "networks": network_text(record) if record.networks else "",
    }
    if ending is not None:
        cells["ended"] = ("" if ending.exact else "before ") + shown(ending.at)
    elif "ended" in fields:
        cells["ended"] = ""
    if "name" in fields:
        cells["name"] = name_in(record.manifest) or "-"
    if "labels" in fields:
        cells["labels"] = ",".join(f"{k}={v}" for k, v in sorted(user_labels(record).items()))
    for app in record.apps:
        cells["app"], cells["image"] = app.name, app.image_name
        cells["imageid"] = app.image_id[:_SHORT_ID]
        yield [cells[field] for field in fields]
        cells = dict.fromkeys(cells, "")  # once per pod
    if not record.apps:
        cells["app"] = cells["image"] = cells["imageid"] = "-"
        yield [cells[field] for field in fields]


def _json(call: Call, problems: list[RktError]) -> str:
    from rktpy.codec import compact, pretty
    from rktpy.pod.state.appstate import read_apps

    found: list[dict[str, Any]] = []
    for pod, record in list_pods(call.site, call.options["label"], odd=_odd):
        problems += record.problems
        if record.manifest is None and record.state == State.EXITED_DELETING:
            continue
        try:
            require_creation_time(record)
            found.append(pod_object(record, read_apps(pod, record), _ending(pod, record)))
        except RktError as error:
            problems.append(error)
    return (pretty if call.options["format"] == "json-pretty" else compact)(found or None)


def _ending(pod: Pod, record: PodRecord) -> Ending | None:
    from rktpy.pod.after.ending import ending_of

    return ending_of(pod, record.marked) if after_run(record.state) else None


def _odd(name: str) -> None:
    write_line(f"skipping {quote(name)}: not a UUID")


def _print_problems(call: Call, problems: list[RktError]) -> None:
    from rktpy.cli import errors
    from rktpy.version import APPC_VERSION

    call.err(f"{len(problems)} error(s) encountered when listing pods:")
    call.err(_RULE)
    for problem in problems:
        for level in errors.causes(problem):
            call.err(errors.message(level))
        call.err(_RULE)
    call.err("misc:")
    call.err(f"  rkt's appc version: {APPC_VERSION}")
    call.err("")
