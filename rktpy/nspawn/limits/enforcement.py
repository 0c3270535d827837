"""What becomes of each isolator of a pod: enforced, and by what, or not, and why. Pure.

The appc specification lets an executor ignore isolators as long as it can tell which. So each
start decides it anew, warns, and leaves the answer in the pod as ``isolators``: an object
``{app: [{"name", "value", "enforced", "by"}]}``, the pod's own under "", which ``status`` shows.
"""

from __future__ import annotations

from rktpy.appc import isolator as known
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rktpy.flavour.plan import AppPlan, PodPlan
    from rktpy.nspawn.limits.controllers import Controllers

# Limits that need a cgroup controller, with the field of ``Limits`` that has the amount.
_LIMITS = {
    known.MEMORY: ("memory", "memory"),
    known.CPU: ("cpu", "cpu_percent"),
    known.CPU_SHARES: ("cpu", "cpu_shares"),
    known.PIDS: ("pids", "pids"),
    known.BLOCK_BANDWIDTH: ("io", "block_bandwidth"),
    known.BLOCK_IOPS: ("io", "block_iops"),
}
_BY_SYSTEMD = {
    known.CAPS_RETAIN: "capability bounding set",
    known.CAPS_REMOVE: "capability bounding set",
    known.SECCOMP_RETAIN: "system call filter",
    known.SECCOMP_REMOVE: "system call filter",
    known.NO_NEW_PRIVILEGES: "no_new_privs",
    known.OOM_SCORE_ADJ: "oom_score_adj",
}
DEVICES = "rktpy/device-policy"  # no isolator of a manifest, but told like one
UNSUPPORTED = "not supported"
_LIFTED = "lifted by --insecure-options"
_NO_LIMIT = "a request without a limit"


class Outcome(Value):
    """What became of one isolator of one app. ``by`` is the means, or the reason why not."""

    app: str  # empty: of the pod
    name: str
    value: object  # as in the manifest
    enforced: bool
    by: str

    @property
    def owner(self) -> str:
        """Whose isolator it is, for people."""
        return f"app {quote(self.app)}" if self.app else "the pod"

    @property
    def failed(self) -> bool:
        """Whether the user asked for a limit in vain: not if the user lifted it, or set none."""
        return not self.enforced and self.by not in (_LIFTED, _NO_LIMIT)


class StrictIsolatorError(RktError):
    """An isolator cannot be enforced, and the user wants no pod without it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(
            f"isolator {outcome.name} of {outcome.owner} cannot be enforced here: {outcome.by}",
            hint="leave out --strict-isolators to run without it",
        )


def wanted_controllers(pod: PodPlan) -> frozenset[str]:
    """Return the controllers, by their names on cgroup2, that limits of the apps need.

    A limit of the pod's memory too: which app the kernel killed is told by the app's own cgroup.
    """
    pods_own = {"memory"} if pod.limits.memory is not None else set()
    return frozenset(pods_own).union(
        controller
        for app in pod.apps
        for controller, field in _LIMITS.values()
        if getattr(app.limits, field) is not None
    )


def outcomes(
    pod: PodPlan, controllers: Controllers, *, lowest_score: int = -1000
) -> tuple[Outcome, ...]:
    """Return what becomes of every isolator of every app, in the order of the manifest.

    ``lowest_score`` is the oom_score_adj below which the kernel lets nobody go here.
    """
    return tuple(
        Outcome(app.name, name, value, *shaped(pod.bandwidth.apps))
        if name == known.NETWORK_BANDWIDTH
        else Outcome(app.name, name, value, *_fate(app, name, controllers, lowest_score))
        for app in pod.apps
        for name, value in app.isolators.items()
    )


def shaped(why: str) -> tuple[bool, str]:
    """Return what becomes of a limit of the network that does not hold because of ``why``."""
    return (False, why) if why else (True, "token buckets on the pod's links")


def device_policy(pod: PodPlan, by: str, unit: str) -> Outcome:
    """Return what became of the default policy for devices; ``by`` is empty where nothing can.

    ``unit`` is the one the pod is in, if any.
    """
    if not pod.fenced:
        return Outcome("", DEVICES, "closed", enforced=False, by=_LIFTED)
    advice = f"set DevicePolicy=closed in {unit}" if unit else "the kernel refuses bpf(2)"
    reason = by or advice
    return Outcome("", DEVICES, "closed", enforced=bool(by), by=reason)


def unsupported(app: str, isolators: Iterable[known.Isolator]) -> tuple[Outcome, ...]:
    """Return those of ``isolators`` that no host will enforce."""
    return tuple(
        Outcome(app, one.name, one.raw, enforced=False, by=UNSUPPORTED)
        for one in isolators
        if one.name not in (*_LIMITS, *_BY_SYSTEMD, known.NETWORK_BANDWIDTH)
    )


def check_strict(found: Sequence[Outcome]) -> None:
    """Refuse to go on if any isolator is in vain.

    Raises:
        StrictIsolatorError: about the first.
    """
    for outcome in found:
        if outcome.failed:
            raise StrictIsolatorError(outcome)


def warnings(found: Sequence[Outcome]) -> list[str]:
    """Return one line for each kind of isolator that does not hold."""
    lines = [
        f"warning: {outcome.name} isolator set but not enforced here ({outcome.by})"
        for outcome in found
        if outcome.failed
    ]
    return list(dict.fromkeys(lines))


def record(found: Sequence[Outcome]) -> dict[str, list[dict[str, object]]]:
    """Return the content of the pod's file ``isolators``; those of the pod itself are under ""."""
    document: dict[str, list[dict[str, object]]] = {}
    for one in found:
        entry = {"name": one.name, "value": one.value, "enforced": one.enforced, "by": one.by}
        document.setdefault(one.app, []).append(entry)
    return document


def _fate(app: AppPlan, name: str, controllers: Controllers, lowest_score: int) -> tuple[bool, str]:
    if name in _LIMITS:
        controller, field = _LIMITS[name]
        if getattr(app.limits, field) is None:
            return False, _NO_LIMIT
        if controller in controllers.usable:
            return True, f"{controller} controller of {controllers.version}"
        return False, controllers.reasons.get(controller, controllers.advice)
    if name not in _BY_SYSTEMD:
        return False, UNSUPPORTED
    if name == known.OOM_SCORE_ADJ and (app.limits.oom_score_adj or 0) < min(lowest_score, 0):
        return False, "scores below ours need CAP_SYS_RESOURCE of the host"
    return (False, _LIFTED) if name in app.lifted else (True, _BY_SYSTEMD[name])
