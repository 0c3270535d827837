"""Isolators → system call filter. Pure (rkt: stage1/init/common/seccomp.go)."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.flavour.plan import SeccompPlan
from rktpy.flavour.syscall_sets import PROBED, app_closed, default_allowed, default_denied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SYSTEMD_SETS = (
    "clock", "mount", "network-io", "obsolete", "privileged", "process", "raw-io",
)  # fmt: skip


class SeccompError(RktError):
    """The isolators of an app contradict each other."""


def default_filter(machine: str, *, pod_filtered: bool = False) -> SeccompPlan:
    """Return the filter of an app that asks for none.

    ``pod_filtered``: the whole pod is held to a list of ours (``nspawn.podfilter``), so only what
    that opens beyond the app's list need be closed. systemd compiles every app's filter anew:
    7 ms of processor time for the short list, 16 for the long one.
    """
    if pod_filtered:
        closed = app_closed(machine)
        return SeccompPlan(
            retain=False,
            names=tuple(name for name in closed if name not in PROBED),
            absent=tuple(name for name in closed if name in PROBED),
        )
    return _retaining(default_allowed(machine))


def filter_plan(
    *, retain: bool, names: Sequence[str], errno: str, machine: str
) -> SeccompPlan | None:
    """Return the filter for one seccomp isolator; ``None`` if it lifts all filtering.

    Unknown ``@scope/name`` sets are ignored, as in rkt.
    """
    expanded: list[str] = []
    for name in names:
        if retain and name == "@appc.io/all":
            return None
        if not retain and name == "@appc.io/empty":
            return default_filter(machine).replace(errno=errno)
        expanded += _expand(name, machine)
    chosen = tuple(dict.fromkeys(expanded))
    if retain:
        return _retaining(chosen, errno)
    return SeccompPlan(retain=False, names=chosen, errno=errno)


def _retaining(names: tuple[str, ...], errno: str = "") -> SeccompPlan:
    allowed = set(names)
    absent = tuple(name for name in PROBED if name not in allowed)
    return SeccompPlan(retain=True, names=names, errno=errno, absent=absent)


def _expand(name: str, machine: str) -> tuple[str, ...]:
    if not name.startswith("@"):
        return (name,)
    scope, _, which = name[1:].partition("/")
    if scope in ("rkt", "docker"):
        sets = {
            "default-whitelist": default_allowed(machine),
            "default-blacklist": default_denied(),
        }
        return sets.get(which, ())
    if scope == "systemd":
        if which == "default-whitelist":
            return ("@default",)
        return (f"@{which}",) if which in _SYSTEMD_SETS else ()
    return ()
