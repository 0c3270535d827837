"""The pod's own system call filter, in place of the one nspawn compiles anew for each pod.

nspawn (systemd 252, libseccomp 2.5) spends 35 of its 45 ms of processor time on that. Ours is
compiled once per boot, kept below /run/rktpy, and loaded right before the exec, so it covers
nspawn too (docs/adr/0010-pod-filter.md). Where anything about it fails, nspawn loads its own.
"""

from __future__ import annotations

import errno
import os
from binascii import crc32

from rktpy import log
from rktpy.flavour.syscall_sets import pod_allowed
from rktpy.host import syscalls
from rktpy.host.files import read_bytes, write_atomic
from rktpy.layout import RUNTIME_DIR
from rktpy.systemd.features import POD_FILTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.flavour.plan import PodPlan

_LIMIT = 1 << 18  # bytes of a compiled filter
# A host that is a container is refused keyctl(2), and so are its pods; nspawn bears that as well.
_NO_KEYRINGS = (errno.EPERM, errno.EACCES, errno.ENOSYS)
_logger = log.Logger("stage1")


def applies(systemd: int) -> bool:
    """Return whether a pod on a host with that systemd gets the filter of ours."""
    return bool(systemd) and POD_FILTER.of(systemd)


def load_for(pod: PodPlan, systemd: int, *, directory: str = RUNTIME_DIR) -> bool:
    """Load the filter for ``pod`` into this process; return whether nspawn may leave out its own.

    ``systemd`` is the host's major version. Never raises.
    """
    if not applies(systemd):
        return False
    from rktpy.host import seccomp  # with ctypes' structures

    names = allowed(pod, os.uname().machine)
    path = f"{directory}/podfilter-{crc32(' '.join(names).encode()):08x}"
    try:
        _leave_keyring()
        try:
            seccomp.load(read_bytes(path, limit=_LIMIT))
        except (FileNotFoundError, ValueError):  # the first since boot, or damaged
            seccomp.load(_compiled(path, names))
    except OSError as error:
        _logger.debug("no filter of our own: %s", error)
        return False
    return True


def allowed(pod: PodPlan, machine: str) -> tuple[str, ...]:
    """Return what ``pod`` as a whole may call: more where an app has a capability for it. Pure."""
    capabilities: set[str] = set()
    for app in pod.apps:
        if app.capabilities is None:
            return pod_allowed(machine, None)
        capabilities.update(app.capabilities)
    return pod_allowed(machine, capabilities)


def _leave_keyring() -> None:
    """Do nspawn's next step, which the filter would refuse it."""
    try:
        syscalls.join_new_keyring()
    except OSError as error:
        if error.errno not in _NO_KEYRINGS:
            raise


def _compiled(path: str, names: tuple[str, ...]) -> bytes:
    from rktpy.host import seccomp

    filters = seccomp.compile_pod_filter(names, os.uname().machine)
    write_atomic(path, filters, mode=0o600, durable=False)
    return filters
