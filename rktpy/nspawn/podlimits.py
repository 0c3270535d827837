"""Limits of the pod as a whole, for hosts where those of single apps cannot hold. Pure.

Where no systemd manages the host, nspawn gives the pod's own systemd its v1 controllers read-only,
so ``MemoryMax=`` and ``CPUQuota=`` of an app have no effect. If every app is limited, the pod can
be: to their sum, and some room for its systemd and journald.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.nspawn.plan import AppPlan, PodPlan

_OVERHEAD = 32 << 20  # bytes; a pod's systemd and journald need about half of it


def pod_limits(pod: PodPlan) -> dict[str, int]:
    """Return ``memory`` in bytes and ``cpu`` in thousandths, where every app has a limit."""
    limits: dict[str, int] = {}
    memory = [app.limits.memory for app in pod.apps]
    if known := _all_known(memory):
        limits["memory"] = sum(known) + _OVERHEAD
    cpu = [app.limits.cpu_percent for app in pod.apps]
    if known := _all_known(cpu):
        limits["cpu"] = sum(max(percent, 1) for percent in known) * 10
    return limits


def limited_kinds(apps: Sequence[AppPlan]) -> list[str]:
    """Return which of ``memory`` and ``cpu`` any app wants limited."""
    kinds = []
    if any(app.limits.memory is not None for app in apps):
        kinds.append("memory")
    if any(app.limits.cpu_percent is not None for app in apps):
        kinds.append("cpu")
    return kinds


def _all_known(values: Sequence[int | None]) -> list[int]:
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []
