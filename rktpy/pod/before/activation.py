"""Assigns the sockets that the host passes to a pod to its apps. Pure.

A socket belongs, in this order,

1. to the port whose name it has (``FileDescriptorName=`` of the host's socket unit);
2. to the app whose name it has: so an image that names no such port can be given sockets, too,
   and then the pod opens none for that app;
3. to the port with its number: that of ``--port``, else that of the image (rkt's rule).
"""

from __future__ import annotations

from rktpy.appc.hostip import same_place
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rktpy.appc.app import Port
    from rktpy.pod.before.ports import PortMapping
    from rktpy.systemd.listenfds import Inherited

NUMBERED = ("tcp", "udp")  # a pod without a socket from the host can listen on these by itself
_EVERY = "::"


class ActivationError(RktError):
    """A socket that was handed over cannot reach an app, or not one alone."""


class Wanted(Value):
    """A socket-activated port of an app, with its place on the host."""

    app: str
    name: str
    protocol: str
    first: int
    count: int = 1
    host_ip: str = ""
    published: bool = False  # by --port

    def takes(self, socket: Inherited) -> bool:
        """Return whether ``socket`` listens where this port does."""
        host = "" if socket.host == _EVERY else socket.host
        return (
            socket.protocol == self.protocol
            and self.first <= socket.port < self.first + self.count
            and same_place(self.host_ip, host)
        )


class Handout(Value):
    """The assignment of the sockets; the values of both mappings keep the host's order."""

    given: Mapping[str, Sequence[Inherited]]  # by app
    opened: Mapping[str, Sequence[tuple[str, int]]]  # by app: what its pod listens on by itself
    warnings: Sequence[str] = ()


def wanted_ports(
    ports: Mapping[str, Iterable[Port]], published: Iterable[PortMapping]
) -> tuple[Wanted, ...]:
    """Return the socket-activated ones of the ``ports`` of each app."""
    places = {mapping.name: mapping for mapping in published}
    found = []
    for app, own in ports.items():
        for port in own:
            if not port.socket_activated:
                continue
            place = places.get(port.name)
            found.append(
                Wanted(
                    app=app,
                    name=port.name,
                    protocol=port.protocol,
                    first=place.host_port if place else port.port,
                    count=port.count,
                    host_ip=place.host_ip if place else "",
                    published=place is not None,
                )
            )
    return tuple(found)


def hand_out(apps: Iterable[str], ports: Sequence[Wanted], sockets: Sequence[Inherited]) -> Handout:
    """Return which app gets which socket, and what is left for the pod to open.

    Raises:
        ActivationError: one could be meant for several apps or is not a socket, or a port is of a
            protocol whose sockets only the host can make.
    """
    given: dict[str, list[Inherited]] = {}
    served: set[tuple[str, str, int]] = set()  # app, port and number; 0 and "" are all of them
    warnings = []
    names = frozenset(apps)
    for socket in sockets:
        app, port = _owner(names, ports, socket)
        if not app:
            warnings.append(_stray(socket))
            continue
        if not socket.directive:
            raise ActivationError(
                f"{socket.text}, called {quote(socket.name)}, cannot be handed to app {app}",
                hint="only sockets that have an address can",
            )
        given.setdefault(app, []).append(socket)
        if port is None:
            served.add((app, "", 0))
        else:
            served.add((app, port.name, 0 if socket.name == port.name else socket.port))
    rest = [
        port
        for port in ports
        if (port.app, port.name, 0) not in served and (port.app, "", 0) not in served
    ]
    warnings += _unpublished(rest)
    return Handout(given, _left(rest, served, warnings, any_came=bool(sockets)), warnings)


def _owner(
    apps: frozenset[str], ports: Sequence[Wanted], socket: Inherited
) -> tuple[str, Wanted | None]:
    """Return the app that ``socket`` is for and, if one decided it, the port; "" is nobody."""
    named = [port for port in ports if port.name == socket.name]
    if not named and socket.name in apps:
        return socket.name, None
    found = named if len(named) == 1 else [port for port in named or ports if port.takes(socket)]
    exact = [port for port in found if port.host_ip and port.host_ip == socket.host]
    owners = dict.fromkeys(port.app for port in exact or found or named)
    if len(owners) > 1:
        raise ActivationError(
            f"socket {socket.text}, called {quote(socket.name)}, could be for the apps"
            f" {', '.join(owners)}",
            hint="give it a name, FileDescriptorName=, that only one of them has as port or app,"
            " or the ports numbers of their own by --port",
        )
    port = next(iter(exact or found or named), None)
    return ("", None) if port is None else (port.app, port)


def _stray(socket: Inherited) -> str:
    number = "number or " if socket.port else ""
    return (
        f"warning: socket {socket.text}, called {quote(socket.name)}, reaches no app: no"
        f" socket-activated port has its {number}name"
    )


def _unpublished(ports: Sequence[Wanted]) -> Iterator[str]:
    for port in ports:
        if not port.published:
            yield (
                f"warning: no --port option for socket-activated port {quote(port.name)}, assuming"
                f" port {port.first} as specified in the manifest"
            )


def _left(
    ports: Sequence[Wanted],
    served: set[tuple[str, str, int]],
    warnings: list[str],
    *,
    any_came: bool,
) -> dict[str, list[tuple[str, int]]]:
    """Return the ports without a socket; add ``warnings`` if there were other sockets."""
    opened: dict[str, list[tuple[str, int]]] = {}
    for port in ports:
        if port.protocol not in NUMBERED:
            raise ActivationError(
                f"unrecognized protocol: {port.protocol}",
                hint=f"only a socket of the host named {quote(port.name)} can be port"
                f" {quote(port.name)} of app {port.app}: FileDescriptorName={port.name}",
            )
        numbers = range(port.first, port.first + port.count)
        missing = [one for one in numbers if (port.app, port.name, one) not in served]
        opened.setdefault(port.app, []).extend((port.protocol, number) for number in missing)
        if any_came and missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            warnings.append(
                f"warning: no socket was handed over for port {quote(port.name)} of app"
                f" {port.app}: the pod itself listens on {port.protocol} {missing[0]}{more}"
            )
    return opened
