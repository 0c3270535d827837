"""What a pod that ended may have left outside its directory, and taking it away.

All of it is found from files of the pod, so it works after a crash of anything, a reboot, or an
interrupted earlier try:

subcgroup, cgroups     processes that survived their supervisor, and control groups
mounts below the pod   only of foreign stage1s: ours mounts in a namespace of its own
netns                  the network namespace kept by a mount
<uuid>                 the link of the pod's journal in /var/log/journal
name                   the pod's name, which the next pod may have
private-users-prepared the ids of the host it ran as, likewise
"""

from __future__ import annotations

import errno
import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.log import Logger
from rktpy.pod.idrange import give_back
from rktpy.pod.naming import release
from rktpy.pod.texts import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rktpy.layout import Layout
    from rktpy.pod.lifecycle import Pod

_log = Logger("gc")
_JOURNALS = "/var/log/journal"
_NETNS_DIRS = ("/run/netns", "/var/run/netns", "/run/rktpy/netns")


class SurvivorsError(RktError):
    """Processes of an exited pod cannot be ended."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"processes of pod {quote(uuid)} do not end")


class LeftoverMountError(RktError):
    """A mount below an exited pod cannot be taken away."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"GC of leftover mounts for pod {quote(uuid)} failed")


def leftover_mounts(layout: Layout) -> tuple[str, ...]:
    """Return mount points below all pods in this namespace, deepest first; normally none.

    Read once for many pods: pods that are being deleted are not renamed any more.
    """
    from rktpy.host.mount import mounted_below

    return tuple(mounted_below(layout.pods))


def tear_down(pod: Pod, mounts: Sequence[str], leave: Callable[[Pod], None]) -> None:
    """Take away everything ``pod`` left outside its directory; ``mounts`` from ``leftover_mounts``.

    ``leave`` takes it out of its networks, while its network namespace may still be there.

    The caller holds the pod's lock. Repeating it is harmless.

    Raises:
        SurvivorsError, LeftoverMountError: the pod must not be deleted now.
    """
    kill_survivors(pod)
    _detach_mounts(pod, mounts)
    leave(pod)
    _remove_netns(pod)
    _remove_journal_link(pod.uuid)
    release(pod)
    give_back(pod)


def kill_survivors(pod: Pod) -> None:
    """Kill what still runs of an exited pod and remove its control groups.

    SIGKILL to nspawn frees the lock but leaves the pod's PID 1 and apps alive (rkt-stage1 2.9).

    Raises:
        SurvivorsError: something does not end.
    """
    subcgroup = read_text(f"{pod.path}/subcgroup")
    record = read_text(f"{pod.path}/cgroups")
    if not subcgroup and not record:
        return
    from rktpy import cgroup

    if cgroup.kill_and_remove(pod.uuid, subcgroup, record):
        return
    if cgroup.processes(cgroup.own_directories(pod.uuid, subcgroup, record)):
        raise SurvivorsError(pod.uuid)
    _log.debug("control groups of pod %s stay for now", pod.uuid)


def _detach_mounts(pod: Pod, mounts: Sequence[str]) -> None:
    below = [point for point in mounts if point.startswith(f"{pod.path}/")]
    if not below:
        return
    try:
        # Private first, outermost first: unmounting a copy of a shared mount of the host would
        # otherwise travel back and unmount the original.
        for point in reversed(below):
            if os.path.realpath(os.path.dirname(point)) == os.path.dirname(point):
                syscalls.mount("", point, "", syscalls.MS_PRIVATE)
        for point in below:
            _detach(point)
    except OSError as error:
        raise LeftoverMountError(pod.uuid) from error


def _detach(point: str) -> None:
    _log.debug("detaching %s", point)
    try:
        syscalls.umount2(point, syscalls.MNT_DETACH | syscalls.UMOUNT_NOFOLLOW)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):  # not mounted any more
            raise


def _remove_netns(pod: Pod) -> None:
    path = read_text(f"{pod.path}/netns")
    if not path:
        return
    directory, name = os.path.split(os.path.normpath(path))
    if directory not in _NETNS_DIRS or pod.uuid not in name:
        _log.warning("pod %s: not removing network namespace %s", pod.uuid, quote(path))
        return
    try:
        _detach(path)
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        _log.warning("pod %s: cannot remove network namespace %s: %s", pod.uuid, path, error)


def follow_with_journal_link(pod: Pod) -> None:
    """Let the link to the pod's journal lead to where the pod is now. Repeating it is harmless."""
    link, target = _journal_link(pod.uuid)
    before, _, inside = target.partition(f"/{pod.uuid}/")
    if not inside or before == os.path.dirname(pod.path):
        return
    aside = _aside(link)
    try:
        _unlink(aside)  # of a gc that was killed here
        os.symlink(f"{pod.path}/{inside}", aside)
        os.rename(aside, link)
    except (FileNotFoundError, FileExistsError):
        return  # another gc is at it
    except OSError as error:
        _log.warning("pod %s: cannot change %s: %s", pod.uuid, link, error)


def _remove_journal_link(uuid: str) -> None:
    link, target = _journal_link(uuid)
    try:
        _unlink(_aside(link))
        if target:
            _unlink(link)
    except OSError as error:
        # Of a file that is not there a read-only disk says that it is read-only.
        if target or os.path.lexists(_aside(link)):
            _log.warning("pod %s: cannot remove %s: %s", uuid, link, error)


def _journal_link(uuid: str) -> tuple[str, str]:
    """Return what nspawn's ``--link-journal`` made for ``journalctl -m``, and where it leads.

    That is "" where there is none, or a directory with a journal that somebody wants to keep.
    """
    link = f"{_JOURNALS}/{uuid.replace('-', '')}"
    try:
        target = os.readlink(link)
    except OSError:
        return link, ""
    return link, target if uuid in target else ""


def _aside(link: str) -> str:
    """Return where the next link is made: readers of the journal pass over this name."""
    directory, name = os.path.split(link)
    return f"{directory}/.{name}"


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
