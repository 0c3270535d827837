"""The warning for a pod that a service starts, but not as its main process. Pure.

Such a pod gets a scope of its own (``rktpy.systemd.unit``), since two pods in one unit would share
its cgroup. The limits in the unit file then do not apply, and nothing else tells the user.
"""

from __future__ import annotations

from rktpy.systemd.unit import SCOPE, Placement, Process, read_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def complaint(placement: Placement, process: Process, root: str, environ: Mapping[str, str]) -> str:
    """Return the warning about a pod outside the unit of the process that starts it, "" if none is
    due: in login sessions and whatever they start, in scopes, from cron, without systemd.

    ``root`` is the cgroup that the manager calls its root slice. systemd marks what it starts by
    $SYSTEMD_EXEC_PID, before 248 by $INVOCATION_ID only, and login sessions lose both.
    """
    marked = process.exec_pid > 0 or bool(environ.get("INVOCATION_ID"))
    if placement.kind != SCOPE or not marked:
        return ""
    started = process.exec_pid == process.pid
    unit = read_unit(placement.own, root)
    if not unit.user and unit.unit.endswith(".service"):
        text = (
            f"warning: this is not the main process of {unit.unit}: the pod gets a scope of its"
            " own, where limits and KillMode= of the service do not hold. In a script, start it"
            " by: exec rktpy"
        )
    elif started and unit.user:
        text = (
            f"warning: what started this pod is in {unit.unit or unit.slice}: only services of the"
            " system hold pods, so it gets a scope of its own, where limits and KillMode= of the"
            " unit do not hold"
        )
    else:
        return ""
    if environ.get("NOTIFY_SOCKET"):
        text += ". That the pod is ready is heard with NotifyAccess=all only"
    return text
