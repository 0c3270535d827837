"""Sockets that the host hands over → the socket units of a pod."""

from __future__ import annotations

from rktpy.flavour.plan import SocketPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rktpy.appc.app import Port
    from rktpy.appc.pod import PodManifest
    from rktpy.log import Logger
    from rktpy.systemd.listenfds import Inherited

_OPTIONS = {"tcp": "ListenStream", "udp": "ListenDatagram"}


def plan_sockets(
    manifest: PodManifest,
    ports: Mapping[str, Sequence[Port]],
    environ: Mapping[str, str],
    logger: Logger,
) -> dict[str, tuple[SocketPlan, ...]]:
    """Return the socket units of each app that has some; ``ports`` are those of every app.

    Raises:
        RktError: a socket, or a port, fits nowhere.
    """
    activated = any(port.socket_activated for own in ports.values() for port in own)
    if not activated and "LISTEN_FDS" not in environ:
        return {}
    from rktpy.pod.before.activation import hand_out, wanted_ports
    from rktpy.pod.before.ports import map_ports
    from rktpy.systemd.listenfds import inherited, meant_for_another

    if activated and (owner := meant_for_another(environ)):
        logger.warning(
            "warning: the sockets of LISTEN_FDS are for process %s and reach no app: start rktpy"
            " as the main process of the service, in a script by exec",
            owner,
        )
    wanted = wanted_ports(ports, map_ports(manifest) if activated else ())
    handout = hand_out(ports, wanted, inherited(environ))
    for text in handout.warnings:
        logger.warning("%s", text)
    units: dict[str, tuple[SocketPlan, ...]] = {}
    for app in ports:
        opened = [(_OPTIONS[kind], f"{port}") for kind, port in handout.opened.get(app, ())]
        own = SocketPlan(tuple(opened))
        units[app] = (*_handed(handout.given.get(app, ())), *([own] if opened else []))
    return units


def _handed(sockets: Sequence[Inherited]) -> tuple[SocketPlan, ...]:
    """Return a unit for each name, so that the app sees names and order of the host's."""
    names = dict.fromkeys(socket.name for socket in sockets)
    return tuple(
        SocketPlan(tuple((one.directive, one.address) for one in sockets if one.name == name), name)
        for name in names
    )
