"""What ``--net`` asks for: the grammar, without looking at any network configuration."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT = "default"
_HOST = "host"
_NONE = "none"
_ALL = "all"


class NetListError(RktError):
    """A ``--net`` value cannot be read, or asks for what is not there."""


class Network(Value):
    """One network asked for; ``arguments`` (``k=v;k=v``) becomes ``CNI_ARGS`` verbatim."""

    name: str
    arguments: str = ""


class NetList(Value):
    """The networks of a pod.

    ``host``: no network namespace, everything else is ignored. ``none``: a namespace with
    loopback only. Otherwise ``networks``, never empty, in the order they were given; one
    named ``all`` means every configured network, the others then only bring arguments.
    """

    none: bool
    host: bool
    networks: tuple[Network, ...]

    @property
    def contained(self) -> bool:
        """Whether the pod gets its own network namespace."""
        return not self.host

    @property
    def every(self) -> bool:
        return any(network.name == _ALL for network in self.networks)

    def __str__(self) -> str:
        """The value of ``--net`` that means the same (rkt hands it to stage1)."""
        words = [_HOST] * self.host + [_NONE] * self.none
        words += [f"{n.name}:{n.arguments}" if n.arguments else n.name for n in self.networks]
        return ",".join(words)


HOST = NetList(none=False, host=True, networks=())


def parse_netlist(values: Iterable[str]) -> NetList:
    """Return what all ``--net`` values together ask for; no value is the default network.

    Raises:
        NetListError: an empty, repeated or overdone name.
    """
    found: dict[str, str] = {}
    for value in values:
        for element in value.split(","):
            name, arguments = _parse_element(element)
            if name in found:
                raise NetListError(f'found duplicate netname "{name}"')
            found[name] = arguments
    networks = tuple(Network(n, a) for n, a in found.items() if n not in (_HOST, _NONE))
    if not found:
        networks = (Network(DEFAULT),)
    return NetList(none=_NONE in found, host=_HOST in found, networks=networks)


def _parse_element(element: str) -> tuple[str, str]:
    name, *arguments = element.split(":")
    if not name:
        raise NetListError("netname must not be empty")
    if len(arguments) > 1:
        raise NetListError(
            f'network "{name}" provided with invalid arguments: [{" ".join(arguments)}]'
        )
    if arguments and name in (_ALL, _HOST):
        raise NetListError(f'arguments are not supported by special netname "{name}"')
    return name, "".join(arguments)
