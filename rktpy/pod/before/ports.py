"""Published ports of a pod: which port of which app each leads to."""

from __future__ import annotations

from rktpy.appc.hostip import packed, same_place, spelled
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.appc.app import Port
    from rktpy.appc.pod import PodManifest


class PortError(RktError):
    """A published port does not fit the ports of the apps."""


class PortMapping(Value):
    """A published port with the app's port behind it; ``host_ip`` empty means all addresses.

    ``count`` ports of the host lead to as many of the app; only ``sources`` (CIDR) may ask, none
    means everybody.
    """

    name: str
    protocol: str
    host_ip: str
    host_port: int
    pod_port: int
    socket_activated: bool = False
    count: int = 1
    sources: tuple[str, ...] = ()


def is_address(text: str) -> bool:
    """Return whether ``text`` is an IPv4 or IPv6 address."""
    return packed(text) is not None


def map_ports(manifest: PodManifest) -> tuple[PortMapping, ...]:
    """Return every published port of ``manifest`` with the app's port it leads to.

    Raises:
        PortError: no app or several apps have a port of that name, two published ports want the
            same port of the host, or a range goes beyond the last port.
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
            count=port.count,
            sources=exposed.sources,
        )
        if mapping.host_port + mapping.count > 65536:
            raise PortError(
                f"port name {quote(exposed.name)} has {port.count} ports: from"
                f" {exposed.host_port} on there are fewer"
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
        apart = wanted.host_port - other.host_port
        same = wanted.protocol == other.protocol and -wanted.count < apart < other.count
        if same and same_place(other.host_ip, wanted.host_ip):
            port = spelled(wanted.protocol, wanted.host_ip, wanted.host_port)
            raise PortError(f"port {port} already mapped to pod port {other.pod_port}")
