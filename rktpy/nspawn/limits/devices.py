"""The device policy of a pod: a few harmless devices, those given as volumes, and no other.

Neither mknod(2) nor a node that an image brought leads around it. systemd-nspawn's filter keeps
bpf(2) from the pod's systemd, so its ``DevicePolicy=`` is void there. Where the host's systemd
makes the pod a scope, it fences that; elsewhere rktpy does, before the exec, in the cgroup where
the pod's PID 1 will be: no app gets out of that one, whatever its capabilities
(docs/adr/0007-devices-and-limits.md).
"""

from __future__ import annotations

import os

from rktpy.host.cgroup.files import make
from rktpy.host.cgroup.hierarchy import SYSTEMD
from rktpy.host.cgroup.places import tree_directories, unit_places
from rktpy.host.device_fence import Device, attach, restrict_v1
from rktpy.log import Logger
from rktpy.systemd.unit import NONE, SCOPE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rktpy.cgroup import PodCgroup
    from rktpy.flavour.plan import AppPlan, PodPlan
    from rktpy.systemd.unit import Placement

# systemd's DevicePolicy=closed, and what nspawn allows its containers on top of it.
CLOSED = (
    Device("c", 1, 3, "rwm"),  # null
    Device("c", 1, 5, "rwm"),  # zero
    Device("c", 1, 7, "rwm"),  # full
    Device("c", 1, 8, "rwm"),  # random
    Device("c", 1, 9, "rwm"),  # urandom
    Device("c", 5, 0, "rwm"),  # tty
    Device("c", 5, 2, "rw"),  # ptmx
    Device("c", 136, None, "rw"),  # pts
    Device("c", 10, 200, "rwm"),  # net/tun
    Device("c", 0, 0, "rwm"),  # what systemd puts over files that it hides; nothing drives it
    Device("b", 0, 0, "rwm"),
)
BY_PROGRAM = "BPF program"
BY_SCOPE = "DevicePolicy= of the pod's scope"
BY_CONTROLLER = "devices controller of cgroup v1"
_log = Logger("stage1")


def allowed(apps: Iterable[AppPlan]) -> tuple[Device, ...]:
    """Return the devices that a cgroup with all of ``apps`` may use."""
    given = [bind.device for app in apps for bind in app.binds if bind.device is not None]
    return (*CLOSED, *dict.fromkeys(given))


def app_groups(pod: PodPlan) -> dict[str, tuple[Device, ...]]:
    """Return ``{cgroup below PID 1's: devices}`` for apps that may use less than the pod may."""
    everything = set(allowed(pod.apps))
    each = {app.name: allowed((app,)) for app in pod.apps}
    return {
        f"system.slice/{name}.service": devices
        for name, devices in each.items()
        if set(devices) != everything
    }


def fence_pod(pod: PodPlan, placement: Placement, own: PodCgroup | None) -> str:
    """Put the policy of ``pod`` in force where it will be; return by what, "" if nothing here can.

    ``own`` are the cgroups made for it where no systemd does that. What is made in a unit's
    cgroup systemd removes with the unit.
    """
    if placement.kind == SCOPE:
        return BY_SCOPE
    if placement.kind == NONE and own is None:
        return ""  # the pod stays in a cgroup that is not its own
    places = own.places if own is not None else unit_places(placement.own)
    directories = {place.key: place.directory for place in places}
    controllers = (d for key, d in directories.items() if "devices" in key.split(","))
    return fence(pod, _trees(placement, own), next(controllers, None))


def _trees(placement: Placement, own: PodCgroup | None) -> tuple[str, ...]:
    """Return where PID 1 will be in the hierarchies that order processes, cgroup2 first."""
    if own is None:
        return tree_directories("/" + placement.subcgroup.lstrip("/"))
    directories = {place.key: place.directory for place in own.places}
    if "" not in directories:
        return ()
    return tuple(f"{directories[key]}/payload" for key in ("", SYSTEMD) if key in directories)


def fence(pod: PodPlan, trees: Sequence[str], controller: str | None) -> str:
    """Put the policy of ``pod`` in force; return by what, "" if nothing here can.

    ``trees`` are the directories of the cgroup where PID 1 will be, cgroup2's first;
    ``controller`` is that of the v1 devices controller. None of them need be there. They belong
    to the pod, so what is made below them goes with it.
    """
    if trees:
        try:
            _fence_tree(pod, trees)
        except OSError as error:
            _log.debug("no device program for %s: %s", trees[0], error)
        else:
            return BY_PROGRAM
    if controller is not None:
        try:
            restrict_v1(controller, allowed(pod.apps))
        except OSError as error:
            _log.debug("no device policy for %s: %s", controller, error)
        else:
            return BY_CONTROLLER
    return ""


def _fence_tree(pod: PodPlan, trees: Sequence[str]) -> None:
    """Attach the pod's program, and one to the cgroup that the pod's systemd takes for an app.

    systemd finds these cgroups made, and then leaves out the mirror: it is made here as well.
    """
    for tree in trees:
        make(tree)
    attach(trees[0], allowed(pod.apps))
    for group, devices in app_groups(pod).items():
        for tree in trees:
            make(os.path.dirname(f"{tree}/{group}"), pod.first_id)
            make(f"{tree}/{group}", pod.first_id)
        attach(f"{trees[0]}/{group}", devices)
