"""What the unit around a pod takes away that no pod can do without (systemd.exec(5)).

systemd-nspawn, or the pod's own systemd, would fail on it later, in words that name no directive,
or die by SIGSYS without any. Asked only below a service: shells and scopes are not restricted so.
"""

from __future__ import annotations

import errno
import os

from rktpy.errors import RktError
from rktpy.host import procfs, syscalls
from rktpy.systemd.unit import SERVICE, group_dir
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.systemd.unit import Placement

_NEEDED = {"CAP_SYS_CHROOT": 18, "CAP_SYS_ADMIN": 21}
_CAP_SYS_PTRACE = 19
_RUN = "/run"  # nspawn propagates mounts by way of it, and rktpy has its facts and networks there


class SandboxError(RktError):
    """The unit does not let a pod be."""


class Sandbox(Value):
    """How the calling process is restricted."""

    status: Mapping[str, str]  # /proc/self/status
    strangers: bool = False  # its users are not those of the host's PID 1
    read_only_groups: bool = False  # its own control group cannot be changed
    read_only_run: bool = False
    forbidden: bool = False  # a filter of system calls is in the way


def check_sandbox(placement: Placement, mode: str) -> None:
    """Refuse to start a pod in a service that restricts it too much.

    Raises:
        SandboxError: the message names the unit and what is in the way, the hint the directives.
    """
    if placement.kind == SERVICE:
        check(placement.unit, _look(group_dir(mode, placement.own)))


def check(unit: str, sandbox: Sandbox) -> None:
    """Refuse ``sandbox``, that of ``unit``, if no pod can be in it. Pure."""
    missing = [name for name, number in _NEEDED.items() if not _may(sandbox.status, number)]
    if sandbox.strangers:
        raise SandboxError(
            f"{unit} has users of its own",
            hint="remove PrivateUsers= from it (run --private-users gives them to the pod)",
        )
    if missing:
        raise SandboxError(
            f"{unit} has no {' and no '.join(missing)}, which a pod needs",
            hint="add it to CapabilityBoundingSet= (apps get few: --caps-retain after an image)",
        )
    if sandbox.forbidden:
        raise SandboxError(
            f"{unit} forbids system calls that a pod needs",
            hint="remove SystemCallFilter= and RestrictNamespaces= from it"
            " (--seccomp after an image restricts the app)",
        )
    if sandbox.read_only_groups:
        raise SandboxError(
            f"the control group of {unit} is read-only",
            hint="remove ProtectControlGroups= from it (apps see theirs read-only anyway)",
        )
    if sandbox.read_only_run:
        raise SandboxError(f"{_RUN} is read-only in {unit}", hint="add to it: ReadWritePaths=/run")


def _look(group: str) -> Sandbox:
    status = procfs.status(os.getpid())
    first = procfs.status(1)
    more = int(status.get("Seccomp_filters", "1")) > int(first.get("Seccomp_filters", "0"))
    filtered = status.get("Seccomp") == "2" and more
    return Sandbox(
        status=status,
        strangers=_strangers(status),
        read_only_groups=not os.access(group, os.W_OK),
        read_only_run=not os.access(_RUN, os.W_OK),
        forbidden=filtered and _forbidden(),
    )


def _may(status: Mapping[str, str], capability: int) -> bool:
    return bool(int(status.get("CapEff", "f" * 16), 16) >> capability & 1)


def _strangers(status: Mapping[str, str]) -> bool:
    try:
        return os.readlink("/proc/self/ns/user") != os.readlink("/proc/1/ns/user")
    except PermissionError:  # PID 1's is above ours, or we may look at nobody's
        return _may(status, _CAP_SYS_PTRACE)
    except OSError:
        return False


def _forbidden() -> bool:
    """Try in a child, which a filter may kill, calls that change nothing for us."""
    child = os.fork()
    if child == 0:
        os._exit(_try_calls())
    return os.waitpid(child, 0)[1] != 0


def _try_calls() -> int:
    calls: tuple[Callable[[], None], ...] = (
        lambda: syscalls.unshare(syscalls.CLONE_NEWNS),
        lambda: syscalls.mount("", "/", "", syscalls.MS_SLAVE | syscalls.MS_REC),
        lambda: syscalls.umount2("", 0),
        lambda: syscalls.setns(-1, 0),
    )
    for call in calls:
        try:
            call()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EBADF):  # of the last two
                return 1
    return 0
