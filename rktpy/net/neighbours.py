"""Pods of one network as others see them: what they are called, and which lines of a hosts file
say so. Pure."""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_pton  # socket itself imports enum

from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_RESERVED = frozenset(
    (
        "localhost", "localhost.domain", "localhost4", "localhost4.localdomain4", "localhost6",
        "localhost6.localdomain6", "localhost.localdomain", "ip6-localhost", "ip6-loopback",
        "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters", "ip6-allhosts",
    )
)  # fmt: skip
_LINE = 400  # bytes; musl reads lines of up to 510


class Neighbour(Value):
    """A pod in a network. ``came`` is when, in nanoseconds since the host booted."""

    uuid: str
    pod: str  # its directory
    addresses: tuple[str, ...]  # with or without prefix length
    name: str = ""  # of ``--name``
    hostname: str = ""
    apps: tuple[str, ...] = ()
    came: int = 0


def lines(neighbours: Iterable[Neighbour]) -> list[str]:
    """Return the lines of a hosts file that say where ``neighbours`` are, the oldest first.

    Names of pods (of ``--name``, ``rkt-<uuid>``, host names) go before those of apps
    (``<app>.<pod>``, then ``<app>``), and among each the oldest pod has it. What cannot be a host
    name, is one of the loopback or reads like an address is left out.
    """
    pods = sorted(neighbours, key=lambda one: (one.came, one.uuid))
    names: dict[str, list[str]] = {one.uuid: [] for one in pods}
    taken = set(_RESERVED)
    for rank in (_own_names, _apps_of_pods, _apps):
        for one in pods:
            for name in rank(one):
                if is_host_name(name) and name.lower() not in taken:
                    taken.add(name.lower())
                    names[one.uuid].append(name)
    return [
        line
        for one in pods
        for address in dict.fromkeys(map(plain_address, one.addresses))
        if address
        for line in _wrapped(address, names[one.uuid])
    ]


def is_host_name(text: str) -> bool:
    """Return whether ``text`` can stand in a hosts file and nobody takes it for an address."""
    labels = text.lower().split(".")
    if len(text) > 253 or labels[-1].isdigit() or labels[-1].startswith("0x"):
        return False
    return all(
        0 < len(label) < 64 and _LETTERS.issuperset(label) and "-" not in (label[0], label[-1])
        for label in labels
    )


def plain_address(text: str) -> str:
    """Return an address without its prefix length, "" if it is not one."""
    address = text.partition("/")[0]
    try:
        inet_pton(AF_INET6 if ":" in address else AF_INET, address)
    except (OSError, ValueError):
        return ""
    return address


def _own_names(one: Neighbour) -> tuple[str, ...]:
    return (one.name, one.hostname, f"rkt-{one.uuid}")


def _apps_of_pods(one: Neighbour) -> Iterator[str]:
    for app in one.apps if one.name else ():
        yield f"{app}.{one.name}"


def _apps(one: Neighbour) -> tuple[str, ...]:
    return one.apps


def _wrapped(address: str, names: Iterable[str]) -> Iterator[str]:
    line = address
    for name in names:
        if line != address and len(line) + 1 + len(name) > _LINE:
            yield line
            line = address
        line += f" {name}"
    if line != address:
        yield line
