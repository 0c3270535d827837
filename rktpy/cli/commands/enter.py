"""``rktpy enter [--app=NAME] [--as-app] UUID [CMD [ARGS]]``, ``rktpy healthcheck UUID``."""

from __future__ import annotations

import os

from rktpy.errors import UsageError
from rktpy.verbs.app.enter import EnterRequest, enter_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def enter(call: Call) -> int:
    """Translate the command line and hand over; never returns on success."""
    if not call.args:
        raise UsageError("enter needs the UUID of a pod")
    uuid, *command = call.args
    enter_pod(
        call.site,
        EnterRequest(
            uuid=uuid,
            app=call.options["app"],
            command=tuple(command),
            term=os.environ.get("TERM", ""),
            as_app=call.options["as-app"],
        ),
    )


def healthcheck(call: Call) -> int:
    """Hand over; never returns on success."""
    from rktpy.verbs.app.healthcheck import check_health

    check_health(call.site, call.args[0], app=call.options["app"])
