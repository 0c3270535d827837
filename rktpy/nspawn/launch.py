"""The last steps before a pod exists: process files, exec of systemd-nspawn.

Order matters and is rkt's: ``subcgroup`` before ``ppid``, both before the exec, so that whoever
finds a supervisor also finds what to kill when it is gone (rkt-stage1.md 1.9, 2.1).
"""

from __future__ import annotations

import errno
import os

from rktpy import log
from rktpy.codec import compact
from rktpy.errors import RktError
from rktpy.host import mount, process, syscalls, terminal
from rktpy.host.cgroup.hierarchy import UNIFIED
from rktpy.host.files import write_atomic
from rktpy.host.procfs import lowest_oom_score
from rktpy.nspawn import lifeline, podfilter
from rktpy.nspawn.command import HostTraits, nspawn_argv, nspawn_environment
from rktpy.nspawn.lay import has_disks
from rktpy.nspawn.limits.controllers import find_controllers, prepare_groups
from rktpy.nspawn.limits.devices import fence_pod
from rktpy.nspawn.limits.enforcement import (
    check_strict,
    device_policy,
    outcomes,
    record,
    wanted_controllers,
    warnings,
)
from rktpy.nspawn.limits.podlimits import limit_pod
from rktpy.nspawn.streams import Courier, detach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from rktpy.cgroup import PodCgroup
    from rktpy.flavour.placing import Placing
    from rktpy.flavour.plan import PodPlan
    from rktpy.layout import PodTree
    from rktpy.nspawn.limits.controllers import Controllers, Handed
    from rktpy.nspawn.limits.enforcement import Outcome
    from rktpy.systemd.facts import HostFacts
    from rktpy.systemd.unit import Placement

_NSPAWN_RUNTIME = "/run/systemd/nspawn"
_FLAVOR = "host"
_ROOT = "stage1/rootfs"  # below the pod directory, our working directory
_INSTANCES = 2  # of inotify, in each pod
_logger = log.Logger("stage1")


class NspawnMissingError(RktError):
    """The host has no systemd-nspawn."""

    def __init__(self) -> None:
        super().__init__(
            "systemd-nspawn is not on this host", hint="install the package systemd-container"
        )


class InstancesError(RktError):
    """The pod's systemd would end at once: "Failed to allocate manager object"."""

    def __init__(self) -> None:
        super().__init__(
            "no inotify instances are left for the pod's systemd and journald",
            hint="let each user have more: sysctl fs.inotify.max_user_instances=1024",
        )


def check_instances() -> None:
    """Refuse to start a pod that would find no inotify instances; the kernel gives each user 128.

    Others may take the last ones before the pod does, so this is no promise. What else the kernel
    may have against it is nspawn's to tell.

    Raises:
        InstancesError: there are too few.
    """
    taken: list[int] = []
    try:
        while len(taken) < _INSTANCES:
            taken.append(syscalls.inotify_init1(os.O_CLOEXEC))
    except OSError as error:
        if error.errno == errno.EMFILE:
            raise InstancesError from error
    finally:
        for fd in taken:
            os.close(fd)


def launch(
    plan: PodPlan,
    tree: PodTree,
    facts: HostFacts,
    placement: Placement,
    placing: Placing,
    *,
    environ: Mapping[str, str],
    lock_fd: int,
    strict: bool,
) -> NoReturn:
    """Become systemd-nspawn running ``plan``; the caller has mounted ``tree`` and holds the lock.

    Raises:
        RktError: something is missing or refused; nothing runs then, and the files written are
            ``gc``'s to remove with the pod.
    """
    if not facts.nspawn:
        raise NspawnMissingError
    check_instances()
    os.chdir(tree.root)
    if not facts.booted:
        _private_runtime_dir()
    _write_flavor(tree.flavor)
    own = placing.settle()
    controllers = _controllers(plan, tree, placement, facts.cgroup_mode, own)
    found = (
        *_fence(plan, placement, own),
        *outcomes(plan, controllers, lowest_score=_lowest_score(plan)),
    )
    _report(found, tree, strict=strict)
    write_atomic(tree.ppid, f"{os.getpid()}\n".encode(), mode=0o644, durable=False)
    if plan.interactive and 0 not in plan.handed_streams:
        line = terminal.describe()
        write_atomic(tree.terminal, line.encode(), mode=0o644, durable=False)
    groups = prepare_groups(plan, controllers)
    unit = f"{plan.apps[0].name}.service" if plan.handed_streams else ""
    aside = placement.keep_unit and facts.cgroup_mode == UNIFIED
    with Courier(_ROOT, unit, plan.handed_streams, aside=aside):
        _become_nspawn(plan, facts, placement, groups, environ, lock_fd)


def _lowest_score(plan: PodPlan) -> int:
    if all((app.limits.oom_score_adj or 0) >= 0 for app in plan.apps):
        return 0  # nobody asks
    return lowest_oom_score(in_user_namespace=bool(plan.first_id))


def _become_nspawn(
    plan: PodPlan,
    facts: HostFacts,
    placement: Placement,
    groups: tuple[Handed, ...],
    environ: Mapping[str, str],
    lock_fd: int,
) -> NoReturn:
    detach(plan.handed_streams)
    host = HostTraits(
        nspawn=facts.nspawn,
        booted=facts.booted,
        register=placement.register,
        keep_unit=placement.keep_unit,
        systemd=facts.systemd,
        filtered=podfilter.load_for(plan, facts.systemd),
        before_systemd=lifeline.programs_in(_ROOT),
    )
    argv = nspawn_argv(plan, host, _ROOT, groups)
    process.replace(argv, env=nspawn_environment(plan, host, environ), keep=lock_fd)


def _controllers(
    plan: PodPlan, tree: PodTree, placement: Placement, mode: str, own: PodCgroup | None
) -> Controllers:
    """Return what the apps of ``plan`` can be limited with."""
    found = find_controllers(placement, mode, own, wanted_controllers(plan))
    if "io" in found.usable and not has_disks(tree.stage1_rootfs, plan):
        return found.without("io", "no disk can be named here")
    return found


def _fence(plan: PodPlan, placement: Placement, own: PodCgroup | None) -> tuple[Outcome, ...]:
    """Fence the pod as a whole; return what came of it."""
    devices = fence_pod(plan, placement, own) if plan.fenced else ""
    return (device_policy(plan, devices, placement.unit), *limit_pod(plan, placement, own))


def _report(found: Sequence[Outcome], tree: PodTree, *, strict: bool) -> None:
    """Write down what becomes of the pod's isolators, and warn of those in vain.

    Raises:
        StrictIsolatorError: there is one, and ``strict``.
    """
    if strict:
        check_strict(found)
    for line in warnings(found):
        _logger.warning("%s", line)
    write_atomic(tree.isolators, compact(record(found)).encode(), mode=0o644, durable=False)


def _write_flavor(path: str) -> None:
    """Name the flavour where rkt's tools look: the target text of a link."""
    try:
        os.symlink(_FLAVOR, path)
    except FileExistsError:
        pass  # left by a start that was killed


def _private_runtime_dir() -> None:
    """Cover nspawn's runtime directory with a tmpfs where /run is none.

    nspawn refuses to clean up on a disk file system, and complains on every exit. Our mount
    namespace is private, so the host keeps its own.
    """
    os.makedirs(_NSPAWN_RUNTIME, exist_ok=True)
    mount.tmpfs(_NSPAWN_RUNTIME).execute()
