"""The door: have the host's firewall do what a pod's ``Rules`` say, no more, no less.

Everything here works on the network namespace it is called in. Two may apply rules of different
pods at once; a kill in between leaves the old rules or the new ones.
"""

from __future__ import annotations

from _socket import if_indextoname

from rktpy.errors import RktError
from rktpy.host.feed import feed
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.wire import NetlinkError
from rktpy.host.process import DEFAULT_PATH, find_program
from rktpy.net.firewall import nft, sysctls
from rktpy.net.firewall.addresses import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.net.rules import Rules


class FirewallError(RktError):
    """The host's firewall does not do what a pod needs."""


def apply(uuid: str, rules: Rules, *, path: str = DEFAULT_PATH) -> None:
    """Replace the rules of the pod ``uuid`` by ``rules``, all at once; its links must exist.

    ``path`` is where the programs are looked for.

    Raises:
        RuleError: something in ``rules`` is no address, port or protocol.
        FirewallError: no program can do it, in the words of the program.
        SysctlError: the kernel does not forward.
    """
    if not rules:
        remove(uuid, path=path)
        return
    links = _links(rules)
    _transact(uuid, nft.transaction(uuid, rules, links), path)
    # Only now: the table has the guard.
    for link in links:
        sysctls.take_loopback(if_indextoname(link))
    addresses = [one.address for one in rules.masquerades]
    addresses += [one.address for one in rules.forwards]
    for ipv6 in sorted({place(address).ipv6 for address in addresses}):
        sysctls.forward(ipv6=ipv6)


def remove(uuid: str, *, path: str = DEFAULT_PATH) -> None:
    """Take the rules of the pod ``uuid`` away; there may be none, or half of them.

    Raises:
        FirewallError: no program can do it.
    """
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
        if rules and found.get(uuid, 0) < nft.size(rules, _links(rules))
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


def _links(rules: Rules) -> tuple[int, ...]:
    """Return the links through which the host reaches the pod for ports it has on 127.0.0.1."""
    pods = [place(one.address) for one in rules.forwards if _on_loopback(one.port.host_ip)]
    addresses = dict.fromkeys(pod.address for pod in pods if not pod.ipv6)
    if not addresses:
        return ()
    found: dict[int, None] = {}
    with Netlink() as netlink:
        for address in addresses:
            try:
                link = netlink.route(address).link
            except NetlinkError:
                continue  # the pod's link is gone
            if link > 1:  # 1 is lo
                found[link] = None
    return tuple(found)


def _on_loopback(host_ip: str) -> bool:
    return host_ip in ("", "0.0.0.0") or host_ip.startswith("127.")  # noqa: S104 - not bound
