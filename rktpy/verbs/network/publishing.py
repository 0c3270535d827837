"""The published ports of a pod manifest, as the network room wants them."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.net.rules import Published
from rktpy.pod.before.ports import PortError, map_ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.pod import PodManifest

_PROTOCOLS = ("tcp", "udp", "sctp")


def published(manifest: PodManifest) -> tuple[Published, ...]:
    """Return what the host answers on for the pod.

    Ports that systemd listens on for an app are left out (rkt): the socket is handed over.

    Raises:
        PortError: as ``map_ports``; or no rule can be made for the protocol of a port.
    """
    found = []
    for port in map_ports(manifest):
        if port.socket_activated:
            continue
        protocol = (port.protocol or "tcp").lower()
        if protocol not in _PROTOCOLS:
            raise PortError(
                f"port {quote(port.name)} cannot be published: its protocol is"
                f" {quote(port.protocol)}",
                hint="there are tcp, udp and sctp",
            )
        found.append(
            Published(
                protocol, port.host_port, port.pod_port, port.host_ip, port.count, port.sources,
                port.name,
            )
        )  # fmt: skip
    return tuple(found)
