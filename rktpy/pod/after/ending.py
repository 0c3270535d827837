"""When a pod ended, as far as the disk tells.

in order    every app has a status, and the last thing written was one of them or the pod's journal,
            which is closed at the very end
killed      nothing was written. Whoever marked the pod (``gc --mark-only`` in ``ExecStopPost=``
            does at once) found it ended: that rename set the change time of its directory
power cut   likewise, but it ended before the machine started again: the mark notes that moment, as
            mtime of the empty file ``pod-ended``

Nothing of it costs a running pod anything.
"""

from __future__ import annotations

import os

from rktpy.host.clock import boot_time
from rktpy.pod.state.appstate import stage1_state_dir
from rktpy.pod.state.appstatus import status_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.pod.lifecycle import Pod

_NOTE = "pod-ended"


class Ending:
    """``at``, in nanoseconds since 1970, is when the pod ended; where it is not ``exact``, the
    first moment that is known to come after its end.
    """

    __slots__ = ("at", "exact")

    def __init__(self, at: int, *, exact: bool) -> None:
        self.at = at
        self.exact = exact


def ending_of(pod: Pod, marked: int = 0) -> Ending | None:
    """Return when ``pod``, which does not run any more, ended; None if nothing is known.

    ``marked`` is when it was marked, 0 if it was not. It bounds what clocks, or the pod itself, may
    have made of the other times.
    """
    last = _last_sign(pod)
    if last:
        return Ending(min(last, marked) if marked else last, exact=True)
    noted = _mtime(f"{pod.path}/{_NOTE}")
    if not noted and _is_of_an_earlier_boot(pod):
        noted = boot_time()
    bound = min((one for one in (noted, marked) if one), default=0)
    return Ending(bound, exact=False) if bound else None


def note_ending(pod: Pod) -> None:
    """Note of a pod about to be marked what would be forgotten at the next start of the machine.

    A full disk keeps no notes, and is the last reason not to mark a pod.

    Raises:
        OSError: the pod has moved, or its directory cannot be written otherwise.
    """
    path = f"{pod.path}/{_NOTE}"
    if not os.path.lexists(path) and not _last_sign(pod) and _is_of_an_earlier_boot(pod):
        from rktpy.host.files import NewFile, is_full

        try:
            with NewFile(path, mode=0o644) as file:
                os.utime(file.fd, ns=(boot_time(), boot_time()))
                file.commit(replace=True, durable=False)
        except OSError as error:
            if not is_full(error):
                raise


def ended_in_order(pod: Pod) -> bool:
    """Return whether ``pod``, which does not run any more, came to the end of its own shutdown."""
    return bool(_last_sign(pod))


def _last_sign(pod: Pod) -> int:
    """Return when the last sign of an orderly end was written; 0 if it did not come to one."""
    try:
        apps = os.listdir(f"{pod.path}/appsinfo")
    except OSError:
        return 0
    base = stage1_state_dir(pod)
    times = [_mtime(status_file(base, app)) for app in apps]
    if not times or not all(times):
        return 0
    return max(*times, _mtime(f"{base}/var/log/journal/{pod.uuid.replace('-', '')}/system.journal"))


def _is_of_an_earlier_boot(pod: Pod) -> bool:
    started = _mtime(f"{pod.path}/ppid") or _mtime(f"{pod.path}/pod-created")
    return 0 < started < boot_time()


def _mtime(path: str) -> int:
    try:
        return os.lstat(path).st_mtime_ns
    except (OSError, ValueError):
        return 0
