"""``rktpy network list``."""

from __future__ import annotations

from rktpy import log
from rktpy.cli.output import table
from rktpy.errors import RktError
from rktpy.verbs.network_list import configured_networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call
    from rktpy.verbs.network_list import Configured, Networks

_HEADERS = ["NAME", "TYPE", "SUBNET", "FILE"]
_BUILT_IN = "(built in)"


def list_(call: Call) -> int:
    """Print the configured networks as a table or JSON; files that cannot be read end in 254."""
    networks = configured_networks(call.site)
    for text in networks.warnings:
        log.Logger("networking").warning("%s", text)
    if call.options["format"]:
        call.out(_json(call, networks))
    else:
        rows = [] if call.options["no-legend"] else [_HEADERS]
        call.out(table(rows + [_row(one) for one in networks.found]))
    for error in networks.errors:
        call.err(error.message)
    return RktError.exit_code if networks.errors else 0


def _row(one: Configured) -> list[str]:
    return [one.name, ",".join(one.types), ",".join(one.subnets) or "-", one.path or _BUILT_IN]


def _json(call: Call, networks: Networks) -> str:
    from rktpy import codec

    found = [
        {
            "name": one.name,
            "types": list(one.types),
            "subnets": list(one.subnets),
            "cni_version": one.version,
            "file": one.path,
            "built_in": one.built_in,
        }
        for one in networks.found
    ]
    write = codec.pretty if call.options["format"] == "json-pretty" else codec.compact
    return write(found)
