"""``rktpy run-prepared``: options to a request, then this process becomes the pod."""

from __future__ import annotations

from rktpy.cli.commands.podflags import run_prepared_request
from rktpy.verbs.run_prepared import run_prepared_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def run_prepared(call: Call) -> int:
    """Start a prepared pod; returns only by an error."""
    run_prepared_pod(call.site, run_prepared_request(call))
