"""Which subnets networks have by their configuration, and which of them get in each other's way.

Pure, and lenient: what is not a subnet is left to the plugin that has to make something of it.
"""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.net.ipam.addresses import Block, block_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rktpy.net.conf import NetConf


def written(fields: Mapping[str, object]) -> Iterator[str]:
    """Yield the subnets and addresses that ``ipam`` of a plugin names, as they are written.

    It knows the ways of host-local and static; nobody need have checked ``fields``.
    """
    ipam = fields.get("ipam")
    if not isinstance(ipam, dict):
        return
    ranges = ipam.get("ranges")
    sets = ranges if isinstance(ranges, list) else []
    places = [ipam, *(one for ours in sets if isinstance(ours, list) for one in ours)]
    addresses = ipam.get("addresses")
    places += addresses if isinstance(addresses, list) else []
    for place in places:
        for key in ("subnet", "address"):
            if isinstance(place, dict) and isinstance(text := place.get(key), str) and text:
                yield text


def clashes(confs: Sequence[NetConf]) -> tuple[str, ...]:
    """Return a warning for each two of ``confs``, networks of one pod, that share addresses.

    The pod has a route to the subnet by each of them and takes one. With ptp, of pods or networks
    with one address, the host's route leads to whoever came last.
    """
    found: dict[tuple[int, int], tuple[Block, Block]] = {}
    around: list[tuple[Block, int]] = []  # blocks nest or are apart, so these hold the next one
    for block, network in sorted(_blocks(confs), key=lambda one: (one[0].first, -one[0].last)):
        while around and around[-1][0].last < block.first:
            around.pop()
        for outer, other in around:
            if other < network:
                found.setdefault((other, network), (outer, block))
            elif other > network:
                found.setdefault((network, other), (block, outer))
        around.append((block, network))
    return tuple(
        f"{_named(confs[first], blocks[0])} and {_named(confs[second], blocks[1])} overlap:"
        " what is sent there may take the wrong one"
        for (first, second), blocks in sorted(found.items(), key=lambda one: one[0])
    )


def _blocks(confs: Sequence[NetConf]) -> set[tuple[Block, int]]:
    """Return the subnets of ``confs``, each with the index of its network."""
    return {
        (Block(block.first, block.prefix), number)
        for number, conf in enumerate(confs)
        for fields in conf.plugins
        for text in written(fields)
        if (block := block_of(text)) is not None
    }


def _named(conf: NetConf, block: Block) -> str:
    return f"{block} of network {quote(conf.name)}"
