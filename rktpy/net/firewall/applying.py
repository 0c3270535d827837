"""The door: have the host's firewall do what a pod's ``Rules`` say, no more, no less.

Everything here works on the network namespace it is called in. Two may apply rules of different
pods at once; a kill in between leaves the old rules or the new ones.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host.feed import feed
from rktpy.host.process import DEFAULT_PATH, find_program
from rktpy.net.firewall import loopback, nft, sysctls
from rktpy.net.firewall.addresses import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rktpy.net.firewall.loopback import Door
    from rktpy.net.rules import Rules


class FirewallError(RktError):
    """The host's firewall does not do what a pod needs."""


def apply(uuid: str, rules: Rules, *, path: str = DEFAULT_PATH) -> None:
    """Replace the rules of the pod ``uuid`` by ``rules``, all at once; its links must exist.

    ``path`` is where the programs are looked for.

    Raises:
        RuleError: something in ``rules`` is no address, port or protocol.
        FirewallError: no program can do it, in the words of the program.
        SysctlError, NetlinkError: the kernel does not forward.
    """
    if not rules:
        remove(uuid, path=path)
        return
    try:
        doors = loopback.claim(uuid, loopback.find(rules))
    except OSError as error:
        raise _disk(uuid, error) from error
    _transact(uuid, nft.transaction(uuid, rules, _guarded(doors)), path)
    loopback.open_doors(doors)
    addresses = [one.address for one in rules.masquerades]
    addresses += [one.address for one in rules.forwards]
    for ipv6 in sorted({place(address).ipv6 for address in addresses}):
        sysctls.forward(ipv6=ipv6)


def remove(uuid: str, *, path: str = DEFAULT_PATH) -> None:
    """Take the rules of the pod ``uuid`` away; there may be none, or half of them.

    Raises:
        FirewallError: no program can do it.
    """
    try:
        loopback.release(uuid)  # while its guard stands
    except OSError as error:
        raise _disk(uuid, error) from error
    _transact(uuid, nft.removal(uuid), path)


def missing(wanted: Mapping[str, Rules], *, path: str = DEFAULT_PATH) -> list[str]:
    """Return the UUIDs of ``wanted`` whose rules are not all there; ``apply`` brings them back.

    Raises:
        FirewallError: the rules of the host cannot be listed.
    """
    program = find_program("nft", path)
    if program is None:
        raise _no_program()
    done = feed((program, "-n", "-t", "list", "ruleset", "inet"))
    if done.status:
        raise FirewallError(f"cannot list the rules of the firewall: {done.failure}")
    found = nft.sizes(done.output.decode("utf-8", "replace"))
    return [
        uuid
        for uuid, rules in wanted.items()
        if rules and found.get(uuid, 0) < nft.size(rules, _guarded(_claimed(uuid, rules)))
    ]


def _transact(uuid: str, text: str, path: str) -> None:
    program = find_program("nft", path)
    if program is None:
        raise _no_program()
    done = feed((program, "-f", "-"), text.encode())
    if done.status:
        raise FirewallError(f"cannot set up the firewall for pod {uuid}: {done.failure}")


def _no_program() -> FirewallError:
    return FirewallError(
        "neither nft nor iptables is installed",
        hint="install nftables with the host's package manager, or run with --net=host",
    )


def _claimed(uuid: str, rules: Rules) -> list[Door]:
    return [door for door in loopback.find(rules) if loopback.is_claimed(uuid, door)]


def _guarded(doors: Iterable[Door]) -> list[int]:
    return [door.link for door in doors if not door.ipv6]


def _disk(uuid: str, error: OSError) -> FirewallError:
    why = os.strerror(error.errno or 0)
    return FirewallError(f"cannot set up the firewall for pod {uuid}: {loopback.DIRECTORY}: {why}")
