"""``rktpy cp [--archive] [--follow-link] SOURCE TARGET``."""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.verbs.app.cp import STREAM, CopyRequest, copy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def cp(call: Call) -> int:
    """Copy between the host and a pod, or between two pods."""
    source, target = call.args
    if target == STREAM and os.isatty(1):
        raise RktError("a tar stream is nothing for a terminal", hint="redirect the output")
    request = CopyRequest(
        source=source,
        target=target,
        archive=call.options["archive"],
        follow=call.options["follow-link"],
    )
    for warning in copy(call.site, request):
        call.err(f"warning: {warning}")
    return 0
