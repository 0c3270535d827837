"""Isolators → system call filter. Pure (rkt: stage1/init/common/seccomp.go)."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.nspawn.plan import SeccompPlan
from rktpy.nspawn.syscall_sets import default_allowed, default_denied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SYSTEMD_SETS = (
    "clock", "mount", "network-io", "obsolete", "privileged", "process", "raw-io",
)  # fmt: skip


class SeccompError(RktError):
    """The isolators of an app contradict each other."""


def default_filter(machine: str) -> SeccompPlan:
    """Return the filter of an app that asks for none."""
    return SeccompPlan(retain=True, names=default_allowed(machine))


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
    return SeccompPlan(retain=retain, names=tuple(dict.fromkeys(expanded)), errno=errno)


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
