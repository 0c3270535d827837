"""``rktpy prepare``: a pod is made ready and its UUID printed."""

from __future__ import annotations

import os

from rktpy.cli.commands.podflags import prepare_request
from rktpy.verbs.prepare import prepare_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call

_STDOUT = 1


def prepare(call: Call) -> int:
    """Prepare a pod and print its UUID."""
    request = prepare_request(call)
    kept = _silence() if call.options["quiet"] else -1
    try:
        uuid = prepare_pod(call.site, request)
    finally:
        if kept >= 0:
            os.dup2(kept, _STDOUT)
            os.close(kept)
    call.out(uuid)
    return 0


def _silence() -> int:
    """Send stdout to nowhere; returns where it went before."""
    kept = os.dup(_STDOUT)
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, _STDOUT)
    os.close(nowhere)
    return kept
