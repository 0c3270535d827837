"""``rktpy stop``."""

from __future__ import annotations

from rktpy.cli.pods import UuidFileStatusOneError, report, uuid_arguments
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.verbs.stop import ALREADY_STOPPED, STOPPED, stop_pods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def stop(call: Call) -> int:
    """Stop pods; all are tried, and any failure makes the status 254."""
    failed = 0
    texts = uuid_arguments(call, UuidFileStatusOneError)
    for event in stop_pods(call.site, texts, force=call.options["force"]):
        if event.kind == STOPPED:
            call.out(quote(event.uuid))
        elif event.kind == ALREADY_STOPPED:
            call.out(f"pod {quote(event.uuid)} is already stopped")
        elif event.error is not None:
            failed += 1
            report(call, event.error)
    if failed:
        raise RktError(f"failed to stop {failed} pod(s)")
    return 0
