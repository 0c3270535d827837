"""What an app may do: capabilities, system calls, kernel paths, limits. Pure.

nspawn's own filter and capability set stand around the whole pod; this is the fence around one
app (design.md decision 15; rkt: stage1/init/common/pod.go, seccomp.go).
"""

from __future__ import annotations

from rktpy.nspawn.unit.quoting import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.flavour.plan import AppPlan, Limits, SeccompPlan

# What rkt hid, covered by what stage1 has for it: empty, mode 0, read-only. What rkt made read-only
# nspawn keeps so for the whole pod (/proc/sys, /proc/bus, /sys, …), but not /proc/sysrq-trigger:
# one letter written there restarts the host. Covers are plain bind mounts: for every
# InaccessiblePaths= or ReadOnlyPaths= systemd reads the whole mount table several times over, and
# with twenty apps that was half of all the time (docs/adr/0006-run-time.md).
HIDDEN_DIRECTORY = "/rkt/hidden"
# By nspawn, for the whole pod: rkt's list, and what is not namespaced and tells of the host.
HIDDEN_IN_PODS = (
    "/proc/config.gz", "/proc/kallsyms", "/proc/kcore", "/proc/keys", "/proc/kmem",
    "/proc/latency_stats", "/proc/mem", "/proc/sched_debug", "/proc/sysrq-trigger",
    "/proc/timer_list", "/sys/firmware", "/sys/hypervisor", "/sys/power",
)  # fmt: skip
# Only in apps: the pod's systemd lives in /sys/fs, and by /sys/module journald decides whether
# lines on the console begin with the time.
HIDDEN_IN_APPS = ("/sys/fs", "/sys/module")
DISKS = "/rkt/disks"  # in stage1: nodes of disks whose use is limited


def confinement(app: AppPlan) -> Iterator[tuple[str, str]]:
    """Yield the ``[Service]`` options that fence ``app`` in."""
    if app.capabilities is not None:
        yield "CapabilityBoundingSet", " ".join(app.capabilities)
    if app.seccomp is not None:
        yield from _system_calls(app.seccomp)
    yield "NoNewPrivileges", "yes" if app.no_new_privileges else "no"
    if app.read_only_rootfs:
        yield "ReadOnlyPaths", "+/"
        for bind in app.binds:
            if not bind.read_only:
                yield "ReadWritePaths", quote(f"-+{bind.target}")
    if app.protect_paths:
        yield from _paths(app)
    yield from _limits(app.limits)


def _paths(app: AppPlan) -> Iterator[tuple[str, str]]:
    """Yield protections of /proc and /sys, except where the user mounted something."""
    taken = [bind.target for bind in app.binds]
    for path in HIDDEN_IN_APPS:
        if path == "/sys/fs" and app.sees_cgroups:
            continue  # covered by what it sees
        if not any(path == t or path.startswith(t.rstrip("/") + "/") for t in taken):
            yield "BindPaths", f"-{HIDDEN_DIRECTORY}:{path}:norbind"


def _system_calls(filter_: SeccompPlan) -> Iterator[tuple[str, str]]:
    if filter_.errno:
        yield "SystemCallErrorNumber", filter_.errno
    if filter_.retain:
        # An allow list, said as "all that systemd knows but". Its own allow lists answer unknown
        # calls with ENOSYS from 255 on, and libseccomp refuses rules that say the same, which
        # those of ``absent`` do. Calls that systemd does not know the filter of the pod refuses.
        # Allow lists have @default, without which nothing can be executed.
        yield "SystemCallFilter", "~@known"
        yield "SystemCallFilter", "@default"
    mark = "" if filter_.retain else "~"
    for name in filter_.names:
        yield "SystemCallFilter", f"{mark}{name}"
    for name in filter_.absent:
        yield "SystemCallFilter", f"~{name}:ENOSYS"


def _limits(limits: Limits) -> Iterator[tuple[str, str]]:
    """Yield limits, in the v2 spelling where systemd translates it for v1 without loss."""
    if limits.memory is not None:
        yield "MemoryMax", str(limits.memory)
    if limits.cpu_percent is not None:
        yield "CPUQuota", f"{max(limits.cpu_percent, 1)}%"
    if limits.cpu_shares is not None and limits.v1:
        yield "CPUShares", str(limits.cpu_shares)  # exact, where a weight is rounded
    elif limits.cpu_shares is not None:
        # systemd's own translation: 1024 shares are the default weight of 100.
        yield "CPUWeight", str(min(max(limits.cpu_shares * 100 // 1024, 1), 10000))
    if limits.pids is not None:
        yield "TasksMax", str(limits.pids)
    for disk in limits.disks:
        # The nodes only name the disks; ``lay`` makes them.
        for amount, what in ((limits.block_bandwidth, "Bandwidth"), (limits.block_iops, "IOPS")):
            if amount is not None:
                yield f"IORead{what}Max", f"{DISKS}/{disk} {max(amount, 1)}"
                yield f"IOWrite{what}Max", f"{DISKS}/{disk} {max(amount, 1)}"
    if limits.oom_score_adj is not None:
        yield "OOMScoreAdjust", str(limits.oom_score_adj)
