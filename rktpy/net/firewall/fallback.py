"""iptables, for hosts without nft, or whose kernel has no NAT for it.

/run/rktpy/net/iptables/<uuid>    the pod has, or may have, rules of this kind

Written before the first rule and removed after the last one, so that hosts with nft never ask
iptables for anything.
"""

from __future__ import annotations

import os

from rktpy.host.feed import feed
from rktpy.host.process import find_program
from rktpy.layout import RUNTIME_DIR
from rktpy.net import runtime
from rktpy.net.firewall import iptables
from rktpy.net.firewall.errors import FirewallError
from rktpy.net.rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DIRECTORY = f"{RUNTIME_DIR}/net/iptables"
_PATIENCE = "30"  # seconds that iptables waits for another one
_PROGRAMS = ("iptables", "ip6tables")
_NOTHING = Rules()


def is_there(path: str) -> bool:
    """Return whether the host has iptables."""
    return find_program("iptables-restore", path) is not None


def is_used(uuid: str) -> bool:
    """Return whether the pod may have rules of this kind."""
    return os.path.lexists(f"{DIRECTORY}/{uuid}")


def apply(uuid: str, rules: Rules, links: Sequence[str], path: str, turn: int) -> None:
    """Replace the rules of the pod by ``rules``, of each family all at once.

    ``turn`` is a lock that the caller holds; whoever changes rules for us holds it to the end.

    Raises:
        FirewallError: iptables cannot do it, in its words.
        RuleError: something in ``rules`` is not an address, port or protocol.
        OSError: the disk says no.
    """
    runtime.make(DIRECTORY)
    os.close(os.open(f"{DIRECTORY}/{uuid}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
    for ipv6, name in enumerate(_PROGRAMS):
        if find_program(f"{name}-restore", path) is None:
            if iptables.size(uuid, rules, links, ipv6=bool(ipv6)):
                raise FirewallError(
                    f"cannot set up the firewall for pod {uuid}: {name} is not installed",
                    hint="install nftables, or iptables with ip6tables, with the package manager",
                )
            continue
        listing = _list(name, path)
        text = iptables.transaction(uuid, rules, links, listing, ipv6=bool(ipv6))
        _restore(uuid, name, text, path, turn)


def remove(uuid: str, path: str, turn: int) -> None:
    """Take the rules of the pod away, whole or half; ``turn`` and errors as ``apply``."""
    apply(uuid, _NOTHING, (), path, turn)
    os.unlink(f"{DIRECTORY}/{uuid}")


def missing(wanted: Mapping[str, tuple[Rules, Sequence[str]]], path: str) -> set[str]:
    """Return the pods whose rules are not all there; with the rules come the links.

    Raises:
        FirewallError: the rules of the host cannot be listed.
    """
    found: set[str] = set()
    for ipv6, name in enumerate(_PROGRAMS):
        sizes = {
            uuid: iptables.size(uuid, rules, links, ipv6=bool(ipv6))
            for uuid, (rules, links) in wanted.items()
        }
        if not any(sizes.values()):
            continue
        listing = _list(name, path)
        found |= {uuid for uuid, size in sizes.items() if iptables.present(uuid, listing) < size}
    return found


def _list(name: str, path: str) -> str:
    program = find_program(f"{name}-save", path)
    if program is None:
        raise FirewallError(f"{name}-save is not installed")
    done = feed((program,))
    if done.status:
        raise FirewallError(f"cannot list the rules of {name}: {done.failure}")
    return done.output.decode("utf-8", "surrogateescape")


def _restore(uuid: str, name: str, text: str, path: str, turn: int) -> None:
    program = find_program(f"{name}-restore", path)
    if not text or program is None:
        return
    argv = (program, "-w", _PATIENCE, "--noflush")
    done = feed(argv, text.encode("utf-8", "surrogateescape"), hold=turn)
    if done.status:
        raise FirewallError(f"cannot set up the firewall for pod {uuid}: {done.failure}")
