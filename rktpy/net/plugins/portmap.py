"""``portmap``, built in: ports of the host that lead to a pod, for networks that list it.

A meta plugin: it makes nothing itself, what it wants are rules. Source: plugins/meta/portmap of
containernetworking/plugins. ``conditionsV4`` and ``conditionsV6`` are refused (they are words for
iptables; ``sources`` of a mapping says what they are used for), ``markMasqBit`` and
``externalSetMarkChain`` mean nothing here: no packet is marked.
"""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.net.firewall.addresses import RuleError, check_ports, host_part, place
from rktpy.net.rules import Forward, Published, Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rktpy.net.call import Call, Plugin
    from rktpy.net.result import Result

CAPABILITY = "portMappings"
_MAX_MAPPINGS = 65536


class PortmapError(RktError):
    """A port mapping of a network's configuration, or from the runtime, cannot be read."""


class Portmap:
    """See ``Plugin``."""

    __slots__ = ()

    def __init__(self, ipam: Callable[[str], Plugin] | None = None) -> None:
        """``ipam`` is not needed: the addresses are those of the plugins before."""

    def add(self, call: Call) -> Result:
        """Return the result of the plugins before, as it is.

        Raises:
            PortmapError: there is none, or a mapping cannot be read.
        """
        if call.previous is None:
            raise PortmapError(
                "portmap must be called as chained plugin",
                hint=f"put it behind another plugin in the list of network {quote(call.network)}",
            )
        _forwards(call, call.previous)
        return call.previous

    def delete(self, call: Call) -> None:
        """Do nothing: all rules of a pod go together."""

    def check(self, call: Call) -> None:
        """Do nothing: all rules of a pod are looked after together."""

    def rules(self, call: Call, result: Result) -> Rules:
        """Return where the mappings lead: to the first address of each family."""
        return Rules((), _forwards(call, result))


def port_mappings(ports: Iterable[Published]) -> list[dict[str, object]]:
    """Return ``ports`` as the runtime hands them to portmap, one entry for each port.

    ``sources`` is ours; programs of others do not know it, so those must not get such ports.
    """
    found: list[dict[str, object]] = []
    for port in ports:
        for number in range(port.count):
            entry: dict[str, object] = {
                "hostPort": port.host_port + number,
                "containerPort": port.pod_port + number,
                "protocol": port.protocol,
            }
            if port.host_ip:
                entry["hostIP"] = port.host_ip
            if port.sources:
                entry["sources"] = list(port.sources)
            found.append(entry)
    return found


def _forwards(call: Call, result: Result) -> tuple[Forward, ...]:
    config = call.config()
    for key in ("conditionsV4", "conditionsV6"):
        if config.get(key):
            raise PortmapError(
                f"portmap of network {quote(call.network)} cannot have {key}",
                hint='say who may ask with "--port=NAME:PORT,from=NETWORK"',
            )
    back = config.get("snat")
    if back is not None and not isinstance(back, bool):
        raise PortmapError('"snat" must be true or false')
    runtime = config.get("runtimeConfig")
    mappings = runtime.get(CAPABILITY) if isinstance(runtime, dict) else None
    if mappings is None:
        return ()
    if not isinstance(mappings, list) or len(mappings) > _MAX_MAPPINGS:
        raise PortmapError(f"{quote(CAPABILITY)} must be a list of at most {_MAX_MAPPINGS} items")
    first: dict[int, str] = {}
    for address in result.addresses:
        first.setdefault(address.family, address.address)
    return tuple(
        Forward(port, address, back is not False)
        for port in map(_mapping, mappings)
        if port is not None
        for address in first.values()
    )


def _mapping(entry: object) -> Published | None:
    """Return the port of an entry; host port 0 means that it is not published."""
    if not isinstance(entry, dict):
        raise PortmapError(f"an entry of {quote(CAPABILITY)} must be an object")
    if entry.get("hostPort") in (0, None):
        return None
    host_ip = entry.get("hostIP") or ""
    protocol = entry.get("protocol") or "tcp"
    sources = entry.get("sources") or []
    if not (isinstance(host_ip, str) and isinstance(protocol, str) and isinstance(sources, list)):
        raise PortmapError(f"an entry of {quote(CAPABILITY)} has a value of the wrong type")
    port = Published(
        protocol.lower(), _number(entry, "hostPort"), _number(entry, "containerPort"), host_ip,
        1, tuple(str(source) for source in sources),
    )  # fmt: skip
    try:
        check_ports(port.protocol, (port.host_port, 1), (port.pod_port, 1))
        host_part(host_ip, ipv6=False)
        for source in port.sources:
            place(source)
    except RuleError as error:
        raise PortmapError(f"invalid port mapping: {error.message}", hint=error.hint) from None
    return port


def _number(entry: Mapping[str, object], key: str) -> int:
    value = entry.get(key)
    if type(value) is not int:
        raise PortmapError(f"{quote(key)} of a port mapping must be a number")
    return value
