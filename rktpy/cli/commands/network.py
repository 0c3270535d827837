"""``rktpy network``: list, check, reload."""

from __future__ import annotations

from rktpy import log
from rktpy.cli.output import table
from rktpy.cli.pods import report
from rktpy.errors import RktError
from rktpy.verbs.network.list import configured_networks
from rktpy.verbs.network.upkeep import check_networks, reload_networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.cli.call import Call
    from rktpy.verbs.network.list import Configured, Networks
    from rktpy.verbs.network.upkeep import Finding

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


def check(call: Call) -> int:
    """Print which pods have their networks as they were made; any that has not makes it 254."""
    failure = "one or more pods did not pass the check"
    return _tell(call, check_networks(call.site.layout, call.args), failure)


def reload(call: Call) -> int:
    """Bring back rules of the firewall; any pod that stays without makes it 254."""
    failure = "failed to reload the networks of one or more pods"
    return _tell(call, reload_networks(call.site.layout, call.args), failure)


def _tell(call: Call, findings: Iterable[Finding], failure: str) -> int:
    failed = False
    for finding in findings:
        if finding.error is not None:
            failed = True
            report(call, finding.error)
        else:
            call.out(f"{finding.uuid} {'restored' if finding.restored else 'ok'}")
    if failed:
        raise RktError(failure)
    return 0


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
