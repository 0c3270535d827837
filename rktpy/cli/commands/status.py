"""``rktpy status``."""

from __future__ import annotations

from rktpy.cli.output import full_time
from rktpy.cli.pods import (
    UuidFileStatusOneError,
    network_text,
    pod_object,
    require_creation_time,
    uuid_arguments,
)
from rktpy.log import harmless
from rktpy.pod.naming import name_in
from rktpy.pod.phase import State
from rktpy.verbs.report.status import StatusRequest, pod_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.cli.call import Call
    from rktpy.verbs.report.status import PodStatus


def status(call: Call) -> int:
    """Print the state of one pod as ``key=value`` lines or JSON."""
    request = StatusRequest(
        uuid=uuid_arguments(call, UuidFileStatusOneError)[0],
        wait_ready=call.options["wait-ready"],
        wait=call.options["wait"],
    )
    found = pod_status(call.site, request)
    if call.options["format"]:
        call.out(_json(found, indented=call.options["format"] == "json-pretty"))
    else:
        call.out("\n".join(harmless(line).replace("\n", "\\n") for line in _lines(found)))
    return 0


def _lines(found: PodStatus) -> Iterator[str]:
    record = found.record
    yield f"state={record.state}"
    yield f"created={full_time(record.created)}"
    if record.started:
        yield f"started={full_time(record.started)}"
    if record.state in (State.RUNNING, State.EXITED):
        yield f"networks={network_text(record)}"
    if found.pid is not None:
        yield f"pid={found.pid}"
    if found.has_run:
        ended = record.state in (State.EXITED, State.EXITED_GARBAGE)
        yield f"exited={'true' if ended else 'false'}"
    for name, code in found.codes.items():
        yield f"app-{name}={code}"
    for name in found.short_of_memory:
        yield f"oom-{name}=true"
    # Ours, and so last.
    if found.frozen:
        yield "frozen=true"
    if found.ending is not None:
        key = "ended" if found.ending.exact else "ended-by"
        yield f"{key}={full_time(found.ending.at)}"
    if pod_name := name_in(record.manifest):
        yield f"name={pod_name}"


def _json(found: PodStatus, *, indented: bool) -> str:
    from rktpy.codec import compact, pretty
    from rktpy.pod.state.appstate import read_apps
    from rktpy.pod.state.enforced import read_enforced

    require_creation_time(found.record)
    apps = read_apps(found.pod, found.record)
    enforced = read_enforced(found.pod)
    for app in apps:
        app.isolators = enforced.get(app.name, [])
    document = pod_object(found.record, apps, found.ending)
    if found.frozen:
        document["frozen"] = True
    if "" in enforced:
        document["isolators"] = enforced[""]  # ours, and so last
    return (pretty if indented else compact)(document)
