"""What differs between the versions of systemd that rktpy runs on: one table, as data.

Only ``rktpy.systemd.facts`` finds out the version, only this module compares it. Versions are
major ones, as in the host's facts; 0 is one that cannot be told and taken for ``LEAST``: what that
knows, all later ones know. Sources: systemd's NEWS and source at the tags named.
"""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.host.cgroup.hierarchy import HYBRID, LEGACY
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.systemd.facts import HostFacts

# What a pod needs: Type=exec (240), nspawn's --console= (242), OnSuccess= and
# --private-users-ownership= (249), MONITOR_* in what that starts (251). Tried are 252 and later.
LEAST = 252


class Feature(Value):
    """Something that not every systemd from ``LEAST`` on has."""

    since: int = LEAST
    gone: int = 0  # the first that has it no more; 0: none yet

    def of(self, systemd: int) -> bool:
        """Return whether that version has it."""
        version = systemd or LEAST
        return self.since <= version and not 0 < self.gone <= version

    def may_be_in(self, systemd: int) -> bool:
        """Likewise, but true of a version that cannot be told: for what others pass over."""
        return not systemd or self.of(systemd)


# nspawn started in a cgroup named "supervisor" puts the pod beside it, not below
# (nspawn-cgroup.c, create_subcgroup).
SHARED_SUPERVISOR = Feature(since=254)
# A service is started again without a moment in which it counts as ended: RestartMode=direct.
RESTART_MODE = Feature(since=254)
# A service with mounts of its own may start in /proc, /sys or /dev (NEWS 256: no longer).
KERNEL_DIRECTORIES = Feature(gone=256)
# nspawn colours the background of terminals, and can be told not to: --background= (NEWS 256).
BACKGROUND = Feature(since=256)
# systemd and nspawn run on cgroup v1 and hybrid hierarchies (NEWS 258: removed).
CGROUP_V1 = Feature(gone=258)
# nspawn itself runs under our filter of the pod's system calls, so what it calls must be in it.
# The one that was tried.
POD_FILTER = Feature(since=252, gone=253)


class SystemdVersionError(RktError):
    """The systemd of this host runs no pods."""


def check_systemd(facts: HostFacts) -> None:
    """Refuse a host whose systemd does not run pods, or not here.

    A host without nspawn, and so without a version, is for whoever needs nspawn to refuse.

    Raises:
        SystemdVersionError: it is too old, or too new for the host's cgroups.
    """
    if facts.nspawn and 0 < facts.systemd < LEAST:
        raise SystemdVersionError(
            f"systemd {facts.systemd} of this host is too old to run pods",
            hint=f"upgrade to systemd {LEAST} or newer",
        )
    if facts.cgroup_mode in (HYBRID, LEGACY) and not CGROUP_V1.of(facts.systemd):
        raise SystemdVersionError(
            f"systemd {facts.systemd} of this host runs no pods on cgroup v1"
            f" ({facts.cgroup_mode} hierarchy)",
            hint="boot with systemd.unified_cgroup_hierarchy=1, for cgroup v2",
        )
