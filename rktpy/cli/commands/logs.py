"""``rktpy logs [--app=NAME] [--follow] UUID``."""

from __future__ import annotations

from rktpy.verbs.logs import LogsRequest, show_logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def logs(call: Call) -> int:
    """Translate and hand over; never returns on success."""
    show_logs(
        call.site,
        LogsRequest(uuid=call.args[0], app=call.options["app"], follow=call.options["follow"]),
    )
