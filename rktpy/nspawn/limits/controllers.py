"""Which cgroup controllers the pod's own systemd can limit its apps with, and how it gets them.

cgroup2   whatever the pod's cgroup was given: nspawn passes it on
v1        nspawn mounts every controller read-only. Those that an app needs are bound into the pod
          from the pod's own cgroup, read-write, before nspawn looks: it leaves alone what is
          mounted. The pod's systemd then makes its own tree below and sets the limits. Apps never
          see it, since ``/sys/fs`` is covered in them (docs/adr/0007-devices-and-limits.md)
"""

from __future__ import annotations

import os

from rktpy.host.cgroup.files import make, write
from rktpy.host.cgroup.hierarchy import UNIFIED
from rktpy.host.cgroup.places import scope_places, unit_places
from rktpy.systemd.unit import NONE, SCOPE, SERVICE, app_controllers
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.cgroup import PodCgroup
    from rktpy.flavour.plan import PodPlan
    from rktpy.host.cgroup.places import Place
    from rktpy.systemd.unit import Placement

V1 = "cgroup v1"
V2 = "cgroup v2"
_V1_NAMES = {"memory": "memory", "cpu": "cpu", "pids": "pids", "io": "blkio"}


class Handed(Value):
    """A v1 cgroup for the pod: ``directory`` of the host appears as its ``name``."""

    directory: str
    name: str  # below /sys/fs/cgroup


class Controllers(Value):
    """What the pod's systemd can limit apps with. Names are cgroup2's."""

    version: str
    usable: frozenset[str] = frozenset()
    handed: tuple[Handed, ...] = ()
    advice: str = ""  # what would make the others usable
    reasons: Mapping[str, str] = {}  # why one is not, where that is not the advice

    def without(self, controller: str, reason: str) -> Controllers:
        """Return the same without ``controller``, and the reason."""
        return self.replace(
            usable=self.usable - {controller}, reasons={**self.reasons, controller: reason}
        )


def hand_over(wanted: frozenset[str], places: Mapping[str, Place], advice: str) -> Controllers:
    """Return how a pod on v1 gets the controllers ``wanted``. Pure.

    ``places`` are its cgroups, by each single controller of theirs. Nothing is handed over in
    vain: every bound controller costs the pod's systemd a directory and a move per unit.
    """
    usable = [name for name in sorted(wanted) if _V1_NAMES[name] in places]
    used = [places[_V1_NAMES[name]] for name in usable]
    handed = [Handed(place.directory, place.name) for place in used]
    if "cpu" in usable and "cpuacct" not in places["cpu"].key.split(","):
        # systemd takes both for one hierarchy, as they are nearly everywhere.
        counting = places.get("cpuacct", places["cpu"])
        handed.append(Handed(counting.directory, "cpuacct"))
    return Controllers(V1, frozenset(usable), tuple(handed), advice)


def find_controllers(
    placement: Placement, mode: str, own: PodCgroup | None, wanted: frozenset[str]
) -> Controllers:
    """Return what can be done for a pod that wants the controllers ``wanted``.

    ``own`` are the cgroups made for it where no systemd does that; they exist by now.
    """
    if not wanted:
        return Controllers(V2)
    from rktpy import cgroup

    if mode == UNIFIED:
        if placement.kind != NONE:
            return Controllers(V2, app_controllers(placement, mode), (), _v2_advice(placement))
        usable = cgroup.enabled_controllers(own) if own is not None else frozenset()
        advice = "start it from a cgroup without other processes, or from a systemd service"
        return Controllers(V2, usable, (), advice)
    if placement.kind == SERVICE:
        places = unit_places(placement.own)
        return hand_over(wanted, _by_controller(places), f"add Delegate=yes to {placement.unit}")
    if placement.kind == SCOPE:
        path = "/" + placement.subcgroup.removesuffix("/payload")
        places = scope_places(path)
    else:
        places = own.places if own is not None else ()
    return hand_over(wanted, _by_controller(places), "no such controller can be used here")


def memory_groups(pod: PodPlan, controllers: Controllers) -> tuple[Handed, ...]:
    """Return the v1 cgroups that are to hold the limited memory of apps. Pure.

    Bound onto themselves in the pod, they cannot be removed there when their app has ended: so
    its reaper can still read whether the kernel killed something for want of memory.
    """
    tops = [one for one in controllers.handed if "memory" in one.name.split(",")]
    groups = [
        f"system.slice/{app.name}.service"
        for app in pod.apps
        if app.limits.memory is not None or pod.limits.memory is not None
    ]
    return tuple(
        Handed(f"{top.directory}/{group}", f"{top.name}/{group}")
        for top in tops
        for group in groups
    )


def prepare_groups(pod: PodPlan, controllers: Controllers) -> tuple[Handed, ...]:
    """Return what to bind into the pod, after making those parts that do not exist yet.

    All of it belongs to root of the pod, also in a user namespace; the limits of the pod itself
    stay the host's.

    Raises:
        OSError: the kernel refuses.
    """
    groups = memory_groups(pod, controllers)
    for one in controllers.handed:
        os.makedirs(one.directory, exist_ok=True)  # of a scope that systemd is going to make
        if not pod.first_id:
            continue
        for path in (one.directory, f"{one.directory}/cgroup.procs", f"{one.directory}/tasks"):
            os.chown(path, pod.first_id, pod.first_id)
    for group in groups:
        make(os.path.dirname(group.directory), pod.first_id)
        make(group.directory, pod.first_id)
    _limit_operations(pod, controllers)
    return (*controllers.handed, *groups)


def _limit_operations(pod: PodPlan, controllers: Controllers) -> None:
    """Limit operations on disks, which systemd passes on to cgroup2 only, where apps will be.

    Raises:
        OSError: the kernel refuses.
    """
    top = next((one for one in controllers.handed if "blkio" in one.name.split(",")), None)
    for app in pod.apps:
        if top is None or app.limits.block_iops is None:
            continue
        group = f"{top.directory}/system.slice/{app.name}.service"
        make(os.path.dirname(group), pod.first_id)
        make(group, pod.first_id)
        for disk in app.limits.disks:
            for way in ("read", "write"):
                line = f"{disk} {max(app.limits.block_iops, 1)}"
                write(f"{group}/blkio.throttle.{way}_iops_device", line)


def _v2_advice(placement: Placement) -> str:
    if placement.kind == SERVICE:
        return f"add Delegate=yes to {placement.unit}"
    return "the kernel has no such controller"


def _by_controller(places: tuple[Place, ...]) -> dict[str, Place]:
    return {part: place for place in places for part in place.key.split(",")}
