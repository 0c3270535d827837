"""What the host's firewall does for one pod, as data; ``net.firewall`` carries it out."""

from __future__ import annotations

from rktpy.value import Value


class Published(Value):
    """Ports of the pod that the host answers on. ``host_ip`` "" is every address of the host;
    ``count`` ports from ``host_port`` lead to as many from ``pod_port``; ``sources`` are the
    networks (CIDR) that may ask, none means everybody."""

    protocol: str  # tcp, udp, sctp
    host_port: int
    pod_port: int
    host_ip: str = ""
    count: int = 1
    sources: tuple[str, ...] = ()
    name: str = ""  # of the app's port; for messages


class Masquerade(Value):
    """What ``address`` (of the pod, CIDR) sends beyond its own network leaves with an address of
    the host; ``network`` is the name, for whoever lists the rules."""

    address: str
    network: str = ""


class Forward(Value):
    """``port`` leads to ``address`` (of the pod, CIDR: its neighbours need the way back too).

    Without ``back`` nobody asks through an address of the host: askers the pod would not answer
    through the host, on loopback or beside it, get no answer (``snat`` of CNI's portmap).
    """

    port: Published
    address: str
    back: bool = True


class Rules(Value):
    """All rules of one pod. An empty one means that it has none."""

    masquerades: tuple[Masquerade, ...] = ()
    forwards: tuple[Forward, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.masquerades or self.forwards)

    def __or__(self, other: Rules) -> Rules:
        """Return both together, each rule once."""
        return Rules(
            tuple(dict.fromkeys(self.masquerades + other.masquerades)),
            tuple(dict.fromkeys(self.forwards + other.forwards)),
        )
