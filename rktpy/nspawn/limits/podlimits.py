"""Limits of the pod as a whole: the isolators of a pod manifest, which bound those of its apps."""

from __future__ import annotations

from rktpy import cgroup
from rktpy.appc.isolator import CPU, MEMORY, NETWORK_BANDWIDTH
from rktpy.nspawn.limits.enforcement import UNSUPPORTED, Outcome, shaped
from rktpy.systemd.unit import SCOPE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.cgroup import PodCgroup
    from rktpy.flavour.plan import PodPlan
    from rktpy.systemd.unit import Placement

_PROPERTIES = {MEMORY: "MemoryMax=", CPU: "CPUQuota="}


def scope_properties(pod: PodPlan) -> Iterator[str]:
    """Yield the properties of the scope that the host's systemd makes for ``pod``."""
    if pod.limits.memory is not None:
        yield f"MemoryMax={pod.limits.memory}"
    if pod.limits.cpu_percent is not None:
        yield f"CPUQuota={max(pod.limits.cpu_percent, 1)}%"


def limit_pod(pod: PodPlan, placement: Placement, own: PodCgroup | None) -> tuple[Outcome, ...]:
    """Limit the cgroups ``own`` made for ``pod``; return what becomes of its own isolators."""
    return tuple(
        Outcome("", name, value, *_fate(pod, name, placement, own))
        for name, value in pod.isolators.items()
    )


def _fate(pod: PodPlan, name: str, placement: Placement, own: PodCgroup | None) -> tuple[bool, str]:
    if name == NETWORK_BANDWIDTH:
        return shaped(pod.bandwidth.pod)
    if name not in _PROPERTIES:
        return False, UNSUPPORTED
    if placement.kind == SCOPE:
        return True, f"{_PROPERTIES[name]} of the pod's scope"
    if own is None:
        return False, f"set {_PROPERTIES[name]} in {placement.unit or 'the unit of the pod'}"
    percent = pod.limits.cpu_percent
    controller = "memory" if name == MEMORY else "cpu"
    amount = pod.limits.memory if name == MEMORY else percent and max(percent, 1) * 10
    try:
        if amount is not None:
            cgroup.limit(own, controller, amount)
    except cgroup.CgroupError as error:
        return False, error.message
    return True, f"{controller} controller, for the pod as a whole"
