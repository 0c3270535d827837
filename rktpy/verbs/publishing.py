"""The ports that a pod's manifest publishes, as the networks take them."""

from __future__ import annotations

from rktpy.net.rules import Published
from rktpy.pod.ports import map_ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.pod import PodManifest


def published(manifest: PodManifest) -> tuple[Published, ...]:
    """Return the published ports of ``manifest`` that the host has to forward.

    Raises:
        PortError: as ``map_ports``.
    """
    return tuple(
        Published(
            protocol=port.protocol,
            host_port=port.host_port,
            pod_port=port.pod_port,
            host_ip="" if port.host_ip in ("0.0.0.0", "::") else port.host_ip,  # noqa: S104
            name=port.name,
        )
        for port in map_ports(manifest)
        if not port.socket_activated
    )
