"""``rktpy rm``."""

from __future__ import annotations

from rktpy.cli.pods import UuidFileError, report, uuid_arguments
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.verbs.rm import MOVED_ABORTED, MOVED_PREPARED, REMOVED, remove_pods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def rm(call: Call) -> int:
    """Delete pods; all are tried, and any failure makes the status 254."""
    failed = False
    for event in remove_pods(call.site, _named(call), ignore_missing=call.options["ignore"]):
        name = quote(event.uuid)
        if event.kind == REMOVED:
            call.out(name)
        elif event.kind == MOVED_ABORTED:
            call.err(f"moving failed prepare {name} to garbage")
        elif event.kind == MOVED_PREPARED:
            call.err(f"moving expired prepared pod {name} to garbage")
        elif event.error is not None:
            failed = True
            report(call, event.error)
    if failed:
        raise RktError("failed to remove one or more pods")
    return 0


def _named(call: Call) -> list[str]:
    try:
        return uuid_arguments(call)
    except UuidFileError as error:
        if call.options["ignore"] and isinstance(error.__cause__, FileNotFoundError):
            return []
        raise
