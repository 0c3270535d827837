"""The control groups of a pod: made where no systemd does it, emptied and removed by ``gc``.

Where systemd places pods (rktpy.systemd.unit: kinds service and scope) nothing is made here.
Otherwise each hierarchy gets ``<the caller's cgroup>/machine-rkt…scope``. Because the caller may
be elsewhere in each v1 hierarchy, the places are written into the pod as ``record``, in the
format of ``/proc/<pid>/cgroup``, *before* they are made: a killed start leaves nothing unknown.

Killing touches only cgroups that are the pod's beyond doubt: those below a component named after
its UUID, or a unit's ``payload`` whose PID 1 carries the pod's UUID. A unit's own cgroup belongs
to systemd: a restarted service runs its next pod in the same one, and of a scope systemd hears
that it is empty only while its cgroup is there (the kernel tells late, and not of what is gone).
"""

from __future__ import annotations

import os
import time
from _signal import (  # type: ignore[import-not-found]  # signal itself imports enum
    SIGKILL,
    pidfd_send_signal,
)

from rktpy.errors import RktError
from rktpy.host.cgroup.files import read, read_bytes, walk, write
from rktpy.host.cgroup.hierarchy import (
    LEGACY,
    SYSTEMD,
    UNIFIED,
    Hierarchy,
    mode_of,
    parse_membership,
    tree_path,
)
from rktpy.host.cgroup.places import Place, hierarchies
from rktpy.log import Logger
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_log = Logger("stage0")
# What a pod's systemd can use below us on cgroup2, if the caller's cgroup lets us pass it on.
_WANTED = ("cpu", "memory", "pids", "io")
_PAYLOAD = "payload"  # the group that nspawn makes for the pod below that of a unit


class CgroupError(RktError):
    """A control group cannot be made or joined."""


class PodCgroup(Value):
    """Where the cgroups of one pod will be, or are."""

    places: tuple[Place, ...]
    mode: str
    subcgroup: str  # text of the pod's file "subcgroup": where its PID 1 will be

    @property
    def record(self) -> str:
        """Text of the pod's file "cgroups", one ``0:<controllers>:<path>`` line per hierarchy."""
        return "".join(f"0:{place.key}:{place.path}\n" for place in self.places)


def cgroup_name(uuid: str) -> str:
    r"""Return the name of a pod's cgroup, ``machine-rkt\x2d<uuid>.scope`` with dashes escaped."""
    return "machine-" + f"rkt-{uuid}".replace("-", "\\x2d") + ".scope"


def host_mode() -> str:
    """Return LEGACY, HYBRID, UNIFIED or ABSENT for the caller's mount namespace."""
    return mode_of(hierarchies())


def plan(uuid: str) -> PodCgroup:
    """Return where the pod's cgroups will be: below the caller's, in every writable hierarchy.

    Raises:
        CgroupError: no hierarchy here that a pod's systemd could live in is writable.
    """
    return plan_from(uuid, hierarchies(), read("/proc/self/cgroup"))


def plan_from(uuid: str, hierarchies: tuple[Hierarchy, ...], membership_text: str) -> PodCgroup:
    """``plan`` with the answers of the kernel given."""
    mode = mode_of(hierarchies)
    membership = parse_membership(membership_text)
    name = cgroup_name(uuid)
    places = []
    for hierarchy in hierarchies:
        own = membership.get(hierarchy.key)
        origin = hierarchy.directory(own) if own is not None else None
        if own is None or origin is None or not os.access(origin, os.W_OK):
            continue
        path = f"{own.rstrip('/')}/{name}"
        places.append(Place(hierarchy.key, path, f"{origin}/{name}", origin, hierarchy.name))
    tree = SYSTEMD if mode == LEGACY else ""
    if all(place.key != tree for place in places):
        raise CgroupError(
            "no writable control group hierarchy for the pod",
            hint="mount one at /sys/fs/cgroup, or start from a systemd service",
        )
    base = f"{tree_path(membership, mode).rstrip('/')}/{name}"
    return PodCgroup(tuple(places), mode, f"{base}/{_PAYLOAD}")


def enabled_controllers(pod: PodCgroup) -> frozenset[str]:
    """Return the cgroup2 controllers of the pod's cgroup, which must exist."""
    tree = next((place for place in pod.places if not place.key), None)
    if tree is None:
        return frozenset()
    return frozenset(read(f"{tree.directory}/cgroup.controllers").split())


def rejoin() -> None:
    """Move this process to the cgroup it is in: all that this does is make the next move quick.

    The kernel lets a mover wait for a grace period of RCU, 10 ms and more, unless another moved
    just before. Where that cannot be had, nothing happens.
    """
    membership = parse_membership(read("/proc/self/cgroup"))
    for hierarchy in hierarchies():
        directory = hierarchy.directory(membership.get(hierarchy.key, "/"))
        if directory is None:
            continue
        try:
            write(f"{directory}/cgroup.procs", "0")
        except OSError:
            continue  # read-only, or one that is to hold no processes any more
        return


def create(pod: PodCgroup) -> None:
    """Make the pod's cgroups. Those of an earlier try are taken over.

    Raises:
        CgroupError: the kernel refuses; cgroups made so far are removed again.
    """
    for place in pod.places:
        try:
            os.mkdir(place.directory, 0o755)
        except FileExistsError:
            pass
        except OSError as error:
            remove(pod)
            raise CgroupError(f"cannot create control group {place.directory}") from error
        if "cpuset" in place.key.split(","):
            _inherit_cpuset(place)
    if pod.mode == UNIFIED:
        _pass_controllers_on(pod.places)


def join(pod: PodCgroup, pid: int) -> None:
    """Move the process ``pid`` into the pod's cgroups.

    Raises:
        CgroupError: the kernel refuses one; the process is back where it was.
    """
    for place in pod.places:
        try:
            write(f"{place.directory}/cgroup.procs", str(pid))
        except OSError as error:
            leave(pod, pid)
            raise CgroupError(f"cannot join control group {place.directory}") from error


def leave(pod: PodCgroup, pid: int) -> None:
    """Move ``pid`` back to where ``plan`` found the caller. For a start that failed."""
    for place in pod.places:
        try:
            write(f"{place.origin}/cgroup.procs", str(pid))
        except OSError as error:
            _log.debug("cannot leave control group %s: %s", place.directory, error)


def limit(pod: PodCgroup, controller: str, amount: int) -> None:
    """Limit all of the pod: ``memory`` to bytes, ``cpu`` to thousandths of a processor.

    Only for pods that ``create`` made; below systemd the unit has the limits.

    Raises:
        CgroupError: the controller is not there for the pod, or the kernel refuses.
    """
    from rktpy.host.cgroup.limits import limit_v1, limit_v2

    place = next((p for p in pod.places if controller in p.key.split(",")), None)
    tree = next((p for p in pod.places if not p.key), None)
    try:
        if place is not None:
            limit_v1(controller, place.directory, amount)
            return
        if tree is not None:
            limit_v2(controller, tree.directory, amount)
            return
    except OSError as error:
        raise CgroupError(f"cannot limit {controller} to {amount}") from error
    raise CgroupError(f"cannot limit {controller}: no such controller here")


def remove(pod: PodCgroup) -> bool:
    """Remove the pod's cgroups if nothing runs in them; return whether all are gone."""
    gone = [_remove_tree(place.directory) for place in pod.places]
    return all(gone)


def own_directories(uuid: str, subcgroup: str, record: str = "") -> tuple[str, ...]:
    """Return the existing directories of the pod, one per hierarchy, topmost only.

    ``subcgroup`` and ``record`` are the texts of the pod's files, "" if it has none.
    """
    names = _scope_names(uuid)
    recorded = parse_membership(record)
    found = []
    for hierarchy in hierarchies():
        for path in {recorded.get(hierarchy.key, ""), "/" + subcgroup.strip().lstrip("/")}:
            base = _pod_part(path, names)
            directory = hierarchy.directory(base) if base else None
            if directory is not None and os.path.isdir(directory):
                found.append(directory)
                continue
            payload = hierarchy.directory(path) if path.endswith(f"/{_PAYLOAD}") else None
            if payload is not None and not base and _carries(payload, uuid):
                found.append(payload)
    return tuple(dict.fromkeys(found))


def processes(directories: Iterable[str]) -> set[int]:
    """Return the processes in these cgroups and below. 0 stands for one of an outer namespace."""
    return {pid for top in directories for folder in walk(top) for pid in _members(folder)}


def kill_and_remove(uuid: str, subcgroup: str, record: str = "", *, timeout: float = 10.0) -> bool:
    """Kill what is left of an exited pod; remove the cgroups that are not systemd's to remove.

    Return whether that was all done. Never touches a cgroup that contains the caller, nor one that
    only a unit owns. A scope of systemd's (no ``record``), and what nspawn made in a unit, is
    emptied; it goes by itself then, but for v1 controllers, in which systemd may never have known
    it. Beside somebody who removes it too systemd stops half-way, and the unit's cgroup stays.
    """
    directories = own_directories(uuid, subcgroup, record)
    if os.getpid() in processes(directories):
        _log.debug("pod %s: running inside its control group, leaving it", uuid)
        return False
    deadline = time.monotonic() + timeout
    pause = 0.001
    while processes(directories):
        for directory in directories:
            _kill(directory)
        if time.monotonic() > deadline:
            _log.warning("pod %s: processes in its control group do not end", uuid)
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
    names = () if record else (*_scope_names(uuid), _PAYLOAD)
    trees = tuple(f"{h.point}/" for h in hierarchies() if h.key in ("", SYSTEMD))
    made = [
        directory
        for directory in directories
        if os.path.basename(directory) not in names or not directory.startswith(trees)
    ]
    gone = [_remove_tree(directory, deadline) for directory in made]
    return all(gone)


def _scope_names(uuid: str) -> tuple[str, ...]:
    """Return how the pod's cgroup may be called: by us or machined, and by nspawn without it."""
    return (cgroup_name(uuid), f"rkt-{uuid}.scope")


def _pod_part(path: str, names: tuple[str, ...]) -> str:
    """Return ``path`` up to and with the component named after the pod, "" if there is none."""
    parts = path.split("/")
    for index, part in enumerate(parts):
        if part in names and ".." not in parts:
            return "/".join(parts[: index + 1])
    return ""


def _carries(payload: str, uuid: str) -> bool:
    """Return whether PID 1 of the pod is in ``payload``; nspawn gives it ``container_uuid``."""
    mark = f"container_uuid={uuid}".encode()
    for folder in (f"{payload}/init.scope", payload):
        for pid in _members(folder):
            if mark in read_bytes(f"/proc/{pid}/environ").split(b"\0"):
                return True
    return False


def _kill(directory: str) -> None:
    try:
        write(f"{directory}/cgroup.kill", "1")  # cgroup2, Linux 5.14: all at once, no race
        return
    except OSError:
        pass
    try:
        _freeze(directory, "FROZEN")
        for folder in walk(directory):
            for pid in _members(folder):
                _kill_member(pid, folder)
    finally:
        _freeze(directory, "THAWED")  # v1: even SIGKILL waits for it


def _kill_member(pid: int, folder: str) -> None:
    if pid in (0, 1, os.getpid()):
        return
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        # The number may have been reused between reading it and opening it.
        if pid in _members(folder):
            pidfd_send_signal(fd, SIGKILL)
    except OSError:
        return
    finally:
        os.close(fd)


def _freeze(directory: str, state: str) -> None:
    """v1 freezer: a frozen tree cannot fork while it is being killed."""
    try:
        write(f"{directory}/freezer.state", state)
    except OSError:
        return  # another hierarchy: the caller's loop is what ends a forking tree


def _remove_tree(directory: str, deadline: float = 0.0) -> bool:
    """Remove ``directory`` depth first; a busy one is tried until ``deadline``."""
    while True:
        for folder in reversed(list(walk(directory))):
            try:
                os.rmdir(folder)
            except OSError as error:
                _log.debug("cannot remove control group %s: %s", folder, error)
        if not os.path.isdir(directory):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)  # the last process is dead but not yet off the kernel's books


def _members(folder: str) -> list[int]:
    return [int(word) for word in read_bytes(f"{folder}/cgroup.procs").split()]


def _inherit_cpuset(place: Place) -> None:
    """A new v1 cpuset is empty, and nothing can join it until it has processors and memory."""
    for file in ("cpuset.cpus", "cpuset.mems"):
        try:
            if not read(f"{place.directory}/{file}").strip():
                write(f"{place.directory}/{file}", read(f"{place.origin}/{file}").strip())
        except OSError as error:
            _log.debug("cannot set %s of %s: %s", file, place.directory, error)


def _pass_controllers_on(places: tuple[Place, ...]) -> None:
    """Enable the controllers below the caller's cgroup, so that limits inside the pod work.

    Only the root may have processes beside; elsewhere limits do not hold. There the kernel lets
    us enable some all the same (cpu, pids) and then takes no process into the groups below.
    """
    for place in places:
        if place.key or os.path.exists(f"{place.origin}/cgroup.type"):
            continue
        for controller in _WANTED:
            try:
                write(f"{place.origin}/cgroup.subtree_control", f"+{controller}")
            except OSError as error:
                _log.debug("no %s limits in the pod: %s: %s", controller, place.origin, error)
