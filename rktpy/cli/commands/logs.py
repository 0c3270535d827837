"""``rktpy logs [options] UUID``."""

from __future__ import annotations

from rktpy.cli.call import write
from rktpy.verbs.report.logs import LogsRequest
from rktpy.verbs.report.logs import logs as read_logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call

_STDOUT = 1


def logs(call: Call) -> int:
    """Print lines as they come."""
    options = call.options
    if options["lines"] < -1:
        raise call.bad_value("lines", str(options["lines"]), "must not be negative")
    request = LogsRequest(
        uuid=call.args[0],
        app=options["app"],
        follow=options["follow"],
        since=options["since"],
        lines=options["lines"],
        timestamps=options["timestamps"],
        format=options["format"],
    )
    for text in read_logs(call.site, request, reader=_STDOUT):
        write(text)
    return 0
