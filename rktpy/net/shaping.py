"""A limit of how fast a pod may send and be sent to, told to the plugins of its networks. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.net.conf import NetConf

CAPABILITY = "bandwidth"  # by which a plugin asks for the limit, and its own type
_WITH_PAIRS = ("ptp", "bridge", "flannel")  # whose links have an end on the host
_LEAST_BURST = 1 << 16  # bytes
_LARGEST_RATE = (1 << 60) - 1  # bytes a second
_LARGEST_BURST = (1 << 31) - 1  # bytes


def told(rate: int) -> dict[str, object]:
    """Return the capability for ``rate`` bytes a second each way; a tenth of it passes at once."""
    rate = min(max(rate, 1), _LARGEST_RATE)
    burst = min(max(rate // 10, _LEAST_BURST), _LARGEST_BURST)
    limit = {"Rate": 8 * rate, "Burst": 8 * burst}
    return {
        CAPABILITY: {f"{way}{key}": limit[key] for way in ("ingress", "egress") for key in limit}
    }


def shaped(conf: NetConf) -> NetConf | None:
    """Return ``conf`` with a plugin that limits pods; None if none of ours can do it there.

    A network whose plugins ask for the limit stays as it is. One that has limits of its own keeps
    those and gets no others.
    """
    kinds = [fields.get("type") for fields in conf.plugins]
    if any(_asks(fields) for fields in conf.plugins):
        return conf
    if kinds[0] not in _WITH_PAIRS or CAPABILITY in kinds:
        return None
    own: dict[str, object] = {"type": CAPABILITY, "capabilities": {CAPABILITY: True}}
    return conf.replace(plugins=(*conf.plugins, own))


def _asks(fields: Mapping[str, object]) -> bool:
    capabilities = fields.get("capabilities")
    return isinstance(capabilities, dict) and capabilities.get(CAPABILITY) is True
