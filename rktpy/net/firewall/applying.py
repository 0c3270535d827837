"""The door: have the host's firewall do what a pod's ``Rules`` say, no more, no less.

Everything here works on the network namespace it is called in. Two may apply rules of different
pods at once; a kill in between leaves the old rules or the new ones.
"""

from __future__ import annotations

import os

from rktpy import log
from rktpy.host import lock
from rktpy.host.netlink import nftables
from rktpy.host.netlink.wire import NetlinkError
from rktpy.host.process import DEFAULT_PATH, find_program
from rktpy.net import runtime
from rktpy.net.firewall import fallback, loopback, nft, sysctls
from rktpy.net.firewall.addresses import place
from rktpy.net.firewall.errors import FirewallError as FirewallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rktpy.net.firewall.loopback import Door
    from rktpy.net.rules import Rules

_logger = log.Logger("networking")


def apply(uuid: str, rules: Rules, *, path: str = DEFAULT_PATH) -> None:
    """Replace the rules of the pod ``uuid`` by ``rules``, all at once; its links must exist.

    ``path`` is where the programs are looked for.

    Raises:
        RuleError: something in ``rules`` is not an address, port or protocol.
        FirewallError: neither nf_tables nor iptables can do it, in their words.
        SysctlError, NetlinkError: the kernel does not forward.
    """
    if not rules:
        remove(uuid, path=path)
        return
    try:
        doors = loopback.claim(uuid, loopback.find(rules))
        _apply(uuid, rules, doors, path)
    except OSError as error:
        raise _disk(uuid, error) from error
    loopback.open_doors(doors)
    if any(one.port.protocol == "udp" for one in rules.forwards):
        _lead_clients(uuid, rules)
    addresses = [one.address for one in rules.masquerades]
    addresses += [one.address for one in rules.forwards]
    for ipv6 in sorted({place(address).ipv6 for address in addresses}):
        sysctls.forward(ipv6=ipv6)


def _lead_clients(uuid: str, rules: Rules) -> None:
    from rktpy.net.firewall import flows

    try:
        flows.follow(rules)
    except NetlinkError as error:
        _logger.warning("pod %s: old clients of its UDP ports may miss it: %s", uuid, error)


def remove(uuid: str, *, path: str = DEFAULT_PATH) -> None:
    """Take the rules of the pod ``uuid`` away; there may be none, or half of them.

    Raises:
        FirewallError: no program can do it.
        NetlinkError: the kernel says no.
    """
    try:
        loopback.release(uuid)  # while its guard stands
        runtime.make(loopback.DIRECTORY)
        with lock.lock_dir(loopback.DIRECTORY) as turn:
            if fallback.is_used(uuid):
                fallback.remove(uuid, path, turn.fd)
            nftables.delete(nft.table(uuid))
    except OSError as error:
        raise _disk(uuid, error) from error


def missing(wanted: Mapping[str, Rules], *, path: str = DEFAULT_PATH) -> list[str]:
    """Return the UUIDs of ``wanted`` whose rules are not all there; ``apply`` brings them back.

    Raises:
        FirewallError, NetlinkError: the rules of the host cannot be listed.
    """
    doors = {uuid: _claimed(uuid, rules) for uuid, rules in wanted.items() if rules}
    others = {uuid for uuid in doors if fallback.is_used(uuid)}
    gone: set[str] = set()
    if others:
        gone = fallback.missing(
            {uuid: (wanted[uuid], _names(doors[uuid])) for uuid in others}, path
        )
    if others != doors.keys():
        found = nftables.count()
        gone |= {
            uuid
            for uuid in doors.keys() - others
            if found.get(nft.table(uuid), 0) < nft.size(wanted[uuid], _guarded(doors[uuid]))
        }
    return [uuid for uuid in wanted if uuid in gone]


def _apply(uuid: str, rules: Rules, doors: Sequence[Door], path: str) -> None:
    """Use nf_tables; iptables where the kernel lacks those, or the host the program to see them."""
    others = fallback.is_there(path)
    # ``remove`` waits for one that outlived who started it, which would otherwise make the rules
    # of a pod that is gone.
    with lock.lock_dir(loopback.DIRECTORY) as turn:
        if not others or find_program("nft", path) is not None:
            try:
                _make_table(uuid, rules, doors)
            except NetlinkError as error:
                if not others or not nftables.is_lacking(error):
                    message = f"cannot set up the firewall for pod {uuid}: {error.message}"
                    raise FirewallError(message, hint=_hint(error)) from error
            else:
                if fallback.is_used(uuid):
                    fallback.remove(uuid, path, turn.fd)
                return
        fallback.apply(uuid, rules, _names(doors), path, turn.fd)


def _make_table(uuid: str, rules: Rules, doors: Sequence[Door]) -> None:
    replace = nftables.exists(nft.table(uuid))
    nftables.carry_out(nft.transaction(uuid, rules, _guarded(doors), replace=replace))


def _hint(error: NetlinkError) -> str | None:
    if nftables.is_lacking(error):
        return "install iptables, load the kernel's modules for nf_tables, or use --net=host"
    return error.hint


def _claimed(uuid: str, rules: Rules) -> list[Door]:
    return [door for door in loopback.find(rules) if loopback.is_claimed(uuid, door)]


def _guarded(doors: Iterable[Door]) -> list[int]:
    return [door.link for door in doors if not door.ipv6]


def _names(doors: Iterable[Door]) -> list[str]:
    return [door.name for door in doors if not door.ipv6]


def _disk(uuid: str, error: OSError) -> FirewallError:
    why = os.strerror(error.errno or 0)
    return FirewallError(
        f"cannot set up the firewall for pod {uuid}: {error.filename or 'memory'}: {why}"
    )
