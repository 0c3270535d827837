"""Questions to a list of isolators, and isolators made from command-line options.

Precedence is rkt's: of several memory or cpu isolators the last counts, capability sets are
united, no-new-privileges holds if any says so.
"""

from __future__ import annotations

from rktpy.appc import isolator as one
from rktpy.appc.errors import AppcError
from rktpy.appc.isolator import Isolator, Resource, SeccompSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.appc.quantity import Quantity

    Isolators = tuple[Isolator, ...]

DEFAULT_CAPABILITIES = (
    "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_KILL",
    "CAP_MKNOD", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE", "CAP_SETUID", "CAP_SETGID",
    "CAP_SETPCAP", "CAP_SETFCAP", "CAP_SYS_CHROOT",
)  # fmt: skip


class SeccompMode:
    """What a seccomp set means."""

    RETAIN = "retain"
    REMOVE = "remove"


def last(isolators: Isolators, name: str) -> Isolator | None:
    """Return the effective isolator of several called ``name``."""
    return next((i for i in reversed(isolators) if i.name == name), None)


def ignored(isolators: Isolators) -> tuple[str, ...]:
    """Return the names the specification does not define, which nothing will enforce."""
    return tuple(i.name for i in isolators if not i.known)


def resource(isolators: Isolators, name: str) -> Resource | None:
    """Return the amounts of the last isolator ``name`` (``resource/…``)."""
    found = last(isolators, name)
    return None if found is None else one.resource(found.raw, name)


def memory_limit(isolators: Isolators) -> Quantity | None:
    """Return the memory limit in bytes."""
    found = resource(isolators, one.MEMORY)
    return None if found is None else found.limit


def cpu_limit(isolators: Isolators) -> Quantity | None:
    """Return the limit in cores."""
    found = resource(isolators, one.CPU)
    return None if found is None else found.limit


def cpu_shares(isolators: Isolators) -> int | None:
    """Return the processor weight, 2..262144."""
    return _number(isolators, one.CPU_SHARES)


def oom_score_adj(isolators: Isolators) -> int | None:
    """Return the out-of-memory score adjustment, -1000..1000."""
    return _number(isolators, one.OOM_SCORE_ADJ)


def pids_limit(isolators: Isolators) -> int | None:
    """Return how many processes and threads the app may have."""
    return _number(isolators, one.PIDS)


def block_bandwidth(isolators: Isolators) -> Quantity | None:
    """Return the limit of reading and of writing each block device, in bytes per second."""
    found = resource(isolators, one.BLOCK_BANDWIDTH)
    return None if found is None else found.limit


def block_iops(isolators: Isolators) -> Quantity | None:
    """Return the limit of reads and of writes of each block device, per second."""
    found = resource(isolators, one.BLOCK_IOPS)
    return None if found is None else found.limit


def network_bandwidth(isolators: Isolators) -> Quantity | None:
    """Return the limit of sending and of being sent to, in bytes per second."""
    found = resource(isolators, one.NETWORK_BANDWIDTH)
    return None if found is None else found.limit


def _number(isolators: Isolators, name: str) -> int | None:
    found = last(isolators, name)
    return found.raw if found is not None and isinstance(found.raw, int) else None


def no_new_privileges(isolators: Isolators) -> bool:
    """Return whether any isolator forbids gaining privileges."""
    return any(i.name == one.NO_NEW_PRIVILEGES and i.raw is True for i in isolators)


def _united(isolators: Isolators, name: str) -> tuple[str, ...] | None:
    found = [i for i in isolators if i.name == name]
    if not found:
        return None
    # A dict keeps the order and drops what is named twice.
    return tuple(dict.fromkeys(cap for i in found for cap in one.name_set(i.raw, name)))


def capabilities_retain(isolators: Isolators) -> tuple[str, ...] | None:
    """Return the capabilities to keep, None without such an isolator."""
    return _united(isolators, one.CAPS_RETAIN)


def capabilities_remove(isolators: Isolators) -> tuple[str, ...] | None:
    """Return the capabilities to take away, None without such an isolator."""
    return _united(isolators, one.CAPS_REMOVE)


def capability_names(isolators: Isolators) -> tuple[str, ...]:
    """Return every capability that is named, to be kept or taken away."""
    return (capabilities_retain(isolators) or ()) + (capabilities_remove(isolators) or ())


def bounding_set(isolators: Isolators) -> tuple[str, ...]:
    """Return the capability bounding set of an app with ``isolators``.

    Raises:
        AppcError: both kinds of capability set are there.
    """
    retain, remove = capabilities_retain(isolators), capabilities_remove(isolators)
    if retain is not None and remove is not None:
        raise AppcError(f"cannot have both {one.CAPS_RETAIN} and {one.CAPS_REMOVE}")
    if retain is not None:
        return retain
    return tuple(cap for cap in DEFAULT_CAPABILITIES if cap not in (remove or ()))


def seccomp(isolators: Isolators) -> tuple[str, SeccompSet] | None:
    """Return the mode (``SeccompMode``) and set of the seccomp filter.

    Raises:
        AppcError: there are several.
    """
    found = [i for i in isolators if i.name in (one.SECCOMP_RETAIN, one.SECCOMP_REMOVE)]
    if len(found) > 1:
        raise AppcError("too many seccomp isolators specified")
    if not found:
        return None
    name = found[0].name
    mode = SeccompMode.RETAIN if name == one.SECCOMP_RETAIN else SeccompMode.REMOVE
    return mode, one.seccomp_set(found[0].raw, name)


def replace(isolators: Isolators, new: Isolator, *names: str) -> Isolators:
    """Return ``isolators`` without those called ``names``, followed by ``new``."""
    return (*(i for i in isolators if i.name not in names), new)


def make_memory(limit: Quantity, request: Quantity | None = None) -> Isolator:
    """Return the isolator for a memory limit in bytes; the request follows the limit."""
    return Isolator(one.MEMORY, _amounts(limit, request))


def make_cpu(limit: Quantity, request: Quantity | None = None) -> Isolator:
    """Return the isolator for a limit in cores; the request follows the limit."""
    return Isolator(one.CPU, _amounts(limit, request))


def _amounts(limit: Quantity, request: Quantity | None) -> dict[str, object]:
    return {"default": False, "request": str(request or limit), "limit": str(limit)}


def make_cpu_shares(shares: int) -> Isolator:
    """Return the isolator for a processor weight; raises AppcError out of range."""
    return Isolator(one.CPU_SHARES, shares)


def make_oom_score_adj(score: int) -> Isolator:
    """Return the isolator for an out-of-memory score; raises AppcError out of range."""
    return Isolator(one.OOM_SCORE_ADJ, score)


def make_pids_limit(count: int) -> Isolator:
    """Return the isolator for a number of processes; raises AppcError out of range."""
    return Isolator(one.PIDS, count)


def make_capabilities_retain(names: Iterable[str]) -> Isolator:
    """Return the isolator that keeps only the capabilities ``names``; raises if empty."""
    return Isolator(one.CAPS_RETAIN, {"set": list(names)})


def make_capabilities_remove(names: Iterable[str]) -> Isolator:
    """Return the isolator that takes away the capabilities ``names``; raises if empty."""
    return Isolator(one.CAPS_REMOVE, {"set": list(names)})


def make_seccomp(mode: str, names: Iterable[str], errno: str = "") -> Isolator:
    """Return the seccomp isolator of ``mode`` (``SeccompMode``); raises on a bad set or errno."""
    name = one.SECCOMP_RETAIN if mode == SeccompMode.RETAIN else one.SECCOMP_REMOVE
    return Isolator(name, {"set": list(names), "errno": errno})


def make_no_new_privileges(forbid: bool) -> Isolator:  # noqa: FBT001  # it is the value itself
    """Return the isolator that forbids gaining privileges, or says it is allowed."""
    return Isolator(one.NO_NEW_PRIVILEGES, forbid)
