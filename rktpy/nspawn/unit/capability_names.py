"""The capabilities that systemd knows by name: nspawn refuses others only when there is a pod."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# capabilities(7), in the order of their numbers. systemd 252 knows all of them.
CAPABILITIES = frozenset(
    (
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
        "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
        "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
        "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
        "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE",
        "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ",
        "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    )
)  # fmt: skip


class UnknownCapabilityError(RktError):
    """An app is to keep or lose a capability that does not exist."""

    def __init__(self, app: str, name: str) -> None:
        super().__init__(
            f"unknown capability {quote(name)} of app {quote(app)}",
            hint="capabilities(7) lists them: CAP_NET_ADMIN, CAP_SYS_PTRACE, …",
        )


def check_capabilities(app: str, names: Iterable[str]) -> None:
    """Refuse a name that systemd would not understand; case does not matter to it.

    Raises:
        UnknownCapabilityError: about the first.
    """
    for name in names:
        if name.upper() not in CAPABILITIES:
            raise UnknownCapabilityError(app, name)
