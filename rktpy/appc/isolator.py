"""Isolators: what an app or a pod may use and do. The value stays the JSON it was.

A known name has a checker; an unknown one is kept and ignored, which the specification allows
as long as somebody can ask which (``ignored``).
"""

from __future__ import annotations

from rktpy.appc.errors import AppcError
from rktpy.appc.fields import (
    NOTHING,
    FrozenMap,
    Keys,
    check_table,
    check_whole,
    flag,
    items,
    text,
    texts,
    wrong_type,
)  # fmt: skip
from rktpy.appc.types import ACIdentifier, check_name
from rktpy.codec import quote
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.appc.quantity import Quantity

MEMORY = "resource/memory"
CPU = "resource/cpu"
BLOCK_BANDWIDTH = "resource/block-bandwidth"
BLOCK_IOPS = "resource/block-iops"
NETWORK_BANDWIDTH = "resource/network-bandwidth"
CAPS_RETAIN = "os/linux/capabilities-retain-set"
CAPS_REMOVE = "os/linux/capabilities-remove-set"
SECCOMP_RETAIN = "os/linux/seccomp-retain-set"
SECCOMP_REMOVE = "os/linux/seccomp-remove-set"
NO_NEW_PRIVILEGES = "os/linux/no-new-privileges"
OOM_SCORE_ADJ = "os/linux/oom-score-adj"
CPU_SHARES = "os/linux/cpu-shares"
SELINUX = "os/linux/selinux-context"
APPARMOR = "os/linux/apparmor-profile"
SYSCTL = "os/unix/sysctl"
PIDS = "rktpy/pids-limit"  # ours: most processes and threads, a number

_ONCE = frozenset(
    (SECCOMP_RETAIN, SECCOMP_REMOVE, OOM_SCORE_ADJ, CPU_SHARES, SELINUX, APPARMOR, SYSCTL, PIDS)
)
_CONFLICTS = {SECCOMP_RETAIN: SECCOMP_REMOVE, SECCOMP_REMOVE: SECCOMP_RETAIN}

_ISOLATOR = Keys("name", "value")
_RESOURCE = Keys("default", "request", "limit")
_SET = Keys("set", "errno")
_SELINUX = Keys("user", "role", "type", "level")
_APPARMOR = Keys("profile")


class Resource(Value):
    """An amount of something; ``request`` falls back to ``limit`` for whoever asks."""

    request: Quantity | None
    limit: Quantity | None
    default: bool = False


class SeccompSet(Value):
    """System calls or ``@scope/name`` sets, and the error a blocked one returns (or empty)."""

    names: tuple[str, ...]
    errno: str = ""


class Isolator(Value):
    """One isolator: its name and the JSON value as it was read."""

    name: str
    raw: object
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        checker = _CHECKERS.get(self.name)
        if checker is None:
            check_name(self.name, ACIdentifier)
            return
        if self.raw is None:
            raise AppcError(f"isolator {quote(self.name)} has no value")
        checker(self.name, self.raw)

    def __hash__(self) -> int:
        return hash(self.name)  # the raw value may hold lists

    @property
    def known(self) -> bool:
        """Whether the specification defines this name; others are kept and ignored."""
        return self.name in _CHECKERS

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> Isolator:
        """Return the isolator a JSON object describes.

        Raises:
            AppcError: a known name with a value it cannot have.
        """
        fields, unknown = _ISOLATOR.read(value, "isolator")
        name = ACIdentifier.read(fields, "name", lenient=lenient)
        return cls(name, fields.get("value"), unknown)

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this isolator; the value is echoed."""
        found: dict[str, object] = {"name": self.name, "value": self.raw}
        return found | self.unknown if keep_unknown else found


def read_isolators(
    fields: Mapping[str, object], key: str = "isolators", *, lenient: bool = False
) -> tuple[Isolator, ...]:
    """Return the isolators at ``key`` of a JSON object, each checked by itself."""
    return items(fields, key, lambda item: Isolator.from_object(item, lenient=lenient))


def check_together(isolators: tuple[Isolator, ...]) -> None:
    """Raise if an app's isolators repeat what may stand once, or exclude each other."""
    seen: set[str] = set()
    for isolator in isolators:
        name = isolator.name
        if name in seen and name in _ONCE:
            # The stray quote is upstream's.
            raise AppcError(f'isolators set contains too many instances of type {name}"')
        if _CONFLICTS.get(name) in seen:
            raise AppcError("isolators set contains incompatible types")
        seen.add(name)


def resource(raw: object, name: str) -> Resource:
    """Return the amounts in the value ``raw`` of the isolator ``name``.

    Raises:
        AppcError: a malformed quantity, or a combination this resource does not take.
    """
    from rktpy.appc.quantity import Quantity  # most pods limit nothing

    fields, _unknown = _RESOURCE.read(raw, name)
    default = flag(fields, "default") or False
    request = Quantity.from_json(fields.get("request"))
    limit = Quantity.from_json(fields.get("limit"))
    if name in (MEMORY, CPU):
        if default:
            raise AppcError("default must be false")
    elif not default:
        raise AppcError("default must be true")
    elif request is not None:
        raise AppcError("request not supported by this resource, must be empty")
    return Resource(request, limit, default)


def name_set(raw: object, name: str) -> tuple[str, ...]:
    """Return the ``set`` of the value ``raw`` of the isolator ``name``."""
    fields, _unknown = _SET.read(raw, name)
    names = texts(fields, "set")
    if not names:
        raise AppcError("set must be non-empty")
    return names


def seccomp_set(raw: object, name: str) -> SeccompSet:
    """Return the filter in the value ``raw`` of the isolator ``name``."""
    names = name_set(raw, name)
    errno = text(_SET.read(raw, name)[0], "errno")
    if errno and not errno.startswith("E"):
        raise AppcError(f"errno must start with an 'E' character, got {errno}")
    if not all(char.isupper() or char.isnumeric() for char in errno):
        raise AppcError(f"errno can only contain upper case or numeric characters, got {errno}")
    return SeccompSet(names, errno)


def _check_bool(name: str, raw: object) -> None:
    if not isinstance(raw, bool):
        wrong_type(name, "a boolean", raw)


def _check_range(low: int, high: int) -> Callable[[str, object], None]:
    def check(name: str, raw: object) -> None:
        number = check_whole(raw, name)
        if not low <= number <= high:
            raise AppcError(f"{name} must be between {low} and {high}, got {number}")

    return check


def _check_selinux(name: str, raw: object) -> None:
    fields, _unknown = _SELINUX.read(raw, name)
    for part in ("user", "role", "type", "level"):
        value = text(fields, part)
        if not value or (":" in value and part != "level"):
            raise AppcError(f"invalid {part} value {quote(value)}")


def _check_apparmor(name: str, raw: object) -> None:
    if not text(_APPARMOR.read(raw, name)[0], "profile"):
        raise AppcError('invalid profile value ""')


def _check_resource(name: str, raw: object) -> None:
    resource(raw, name)


def _check_set(name: str, raw: object) -> None:
    name_set(raw, name)


def _check_seccomp(name: str, raw: object) -> None:
    seccomp_set(raw, name)


def _check_sysctl(name: str, raw: object) -> None:
    check_table(raw, name)


_CHECKERS: dict[str, Callable[[str, object], None]] = {
    MEMORY: _check_resource,
    CPU: _check_resource,
    BLOCK_BANDWIDTH: _check_resource,
    BLOCK_IOPS: _check_resource,
    NETWORK_BANDWIDTH: _check_resource,
    CAPS_RETAIN: _check_set,
    CAPS_REMOVE: _check_set,
    SECCOMP_RETAIN: _check_seccomp,
    SECCOMP_REMOVE: _check_seccomp,
    NO_NEW_PRIVILEGES: _check_bool,
    OOM_SCORE_ADJ: _check_range(-1000, 1000),
    CPU_SHARES: _check_range(2, 262144),
    PIDS: _check_range(1, 1 << 22),  # as many as there can be process ids
    SELINUX: _check_selinux,
    APPARMOR: _check_apparmor,
    SYSCTL: _check_sysctl,
}
