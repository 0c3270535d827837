"""``rktpy run``: options to a request, then this process becomes the pod."""

from __future__ import annotations

from rktpy.cli.commands.podflags import run_request
from rktpy.verbs.run import run_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def run(call: Call) -> int:
    """Run images as one pod; returns only by an error."""
    run_pod(call.site, run_request(call))
