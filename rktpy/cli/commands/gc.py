"""``rktpy gc``."""

from __future__ import annotations

from rktpy.cli.pods import report
from rktpy.codec import quote
from rktpy.verbs.gc import (
    COLLECTING,
    MOVED_ABORTED,
    MOVED_EXITED,
    MOVED_EXPIRED,
    WITHIN_GRACE,
    GcRequest,
    collect,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call

_MOVES = {
    MOVED_EXITED: "moving pod %s to garbage",
    MOVED_ABORTED: "moving failed prepare %s to garbage",
    MOVED_EXPIRED: "moving expired prepared pod %s to garbage",
}


def gc(call: Call) -> int:
    """Collect pods. A pod that cannot be collected is reported and does not change the status."""
    request = GcRequest(
        grace_period=call.options["grace-period"],
        expire_prepared=call.options["expire-prepared"],
        mark_only=call.options["mark-only"],
    )
    for event in collect(call.site, request):
        name = quote(event.uuid)
        if event.kind in _MOVES:
            call.err(_MOVES[event.kind] % name)
        elif event.kind == COLLECTING:
            call.out(f"Garbage collecting pod {name}")
        elif event.kind == WITHIN_GRACE:
            from rktpy.cli.output import format_duration

            grace = format_duration(request.grace_period)
            call.err(f"pod {name} not removed: still within grace period ({grace})")
        elif event.error is not None:
            report(call, event.error)
    return 0
