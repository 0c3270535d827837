"""Published ports of a pod: which port of which app each leads to."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.appc.app import Port
    from rktpy.appc.pod import PodManifest

_EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - recognised, not bound


class PortError(RktError):
    """A published port does not fit the ports of the apps."""


class PortMapping(Value):
    """A published port with the app's port behind it; ``host_ip`` empty means all addresses."""

    name: str
    protocol: str
    host_ip: str
    host_port: int
    pod_port: int
    socket_activated: bool = False


def is_address(text: str) -> bool:
    """Return whether ``text`` is an IPv4 or IPv6 address."""
    import _socket  # the C half alone: ``socket`` brings enum and selectors along

    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, text)
        except (OSError, ValueError):  # ValueError: a NUL inside
            continue
        return True
    return False


def map_ports(manifest: PodManifest) -> tuple[PortMapping, ...]:
    """Return every published port of ``manifest`` with the app's port it leads to.

    Raises:
        PortError: no app or several apps have a port of that name, or two published ports
            want the same port of the host.
    """
    mappings: list[PortMapping] = []
    for exposed in manifest.ports:
        port = exposed.pod_port or _find(manifest, exposed.name)
        mapping = PortMapping(
            name=exposed.name,
            protocol=port.protocol,
            host_ip=exposed.host_ip,
            host_port=exposed.host_port,
            pod_port=port.port,
            socket_activated=port.socket_activated,
        )
        _check_free(mapping, mappings)
        mappings.append(mapping)
    return tuple(mappings)


def _find(manifest: PodManifest, name: str) -> Port:
    found = [
        port
        for runtime in manifest.apps
        if runtime.app is not None
        for port in runtime.app.ports
        if port.name == name
    ]
    if not found:
        raise PortError(f"port name {quote(name)} could not be found in any apps")
    if len(found) > 1:
        raise PortError(f"port name {quote(name)} defined multiple apps")
    return found[0]


def _check_free(wanted: PortMapping, taken: Iterable[PortMapping]) -> None:
    for other in taken:
        same = (other.protocol, other.host_port) == (wanted.protocol, wanted.host_port)
        everywhere = other.host_ip in _EVERY_ADDRESS or wanted.host_ip in _EVERY_ADDRESS
        if same and (everywhere or other.host_ip == wanted.host_ip):
            address = wanted.host_ip or "0.0.0.0"  # noqa: S104 - only printed
            raise PortError(
                f"port {wanted.protocol}-{address}:{wanted.host_port}"
                f" already mapped to pod port {other.pod_port}"
            )
