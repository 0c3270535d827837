"""What the pod's resolv.conf and hosts hold: from ``--dns`` and ``--hosts-entry`` to text.

Pure: who mounts the texts over which file is decided elsewhere (rkt: stage0/common.go).
"""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LOOPBACK = "127.0.0.1"
_FALLBACK_TOP = "# made by rktpy for apps without a hosts file of their own\n"
_FALLBACK_IPV4 = f"{_LOOPBACK} localhost localhost.domain localhost4 localhost4.localdomain4"
_FALLBACK_IPV6 = """
::1 ip6-localhost ip6-loopback localhost6 localhost6.localdomain6
fe00::0 ip6-localnet
ff00::0 ip6-mcastprefix
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
ff02::3 ip6-allhosts
"""


class DnsError(RktError):
    """A ``--dns…`` or ``--hosts-entry`` value cannot be used."""


class Mode:
    """Where a file of the pod comes from; the words are those of ``--dns-conf-mode``."""

    DEFAULT = "default"
    HOST = "host"
    NONE = "none"
    STAGE0 = "stage0"


class HostsEntry(Value):
    """One line of a hosts file."""

    address: str
    names: tuple[str, ...]


class Dns(Value):
    """The pod's name resolution. With ``resolv`` or ``hosts`` equal to ``Mode.STAGE0`` the
    other fields are the content of the file, which ``network`` provided if it is not empty."""

    resolv: str = Mode.DEFAULT
    hosts: str = Mode.DEFAULT
    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    domain: str = ""
    entries: tuple[HostsEntry, ...] = ()
    network: str = ""


def parse_dns(
    servers: Sequence[str] = (),
    *,
    search: Sequence[str] = (),
    options: Sequence[str] = (),
    domain: str = "",
    hosts_entries: Sequence[str] = (),
) -> Dns:
    """Return what the options ``--dns``, ``--dns-search``, ``--dns-opt``, ``--dns-domain`` and
    ``--hosts-entry`` mean together.

    Raises:
        DnsError: with rkt's text; the command line puts ``error with dns flags`` before it.
    """
    nameservers: list[str] = []
    resolv = Mode.DEFAULT
    for value in servers:
        if value in (Mode.HOST, Mode.NONE):
            if len(servers) > 1:
                raise DnsError(f"no other --dns options allowed when --dns={value} is passed")
            resolv = value
            continue
        for address in value.split(","):
            _check_address(address, "--dns")
            nameservers.append(address)
    if resolv != Mode.DEFAULT and (search or options or domain):
        raise DnsError(f"Cannot call --dns-opt, --dns-search, or --dns-domain with --dns={resolv}")
    if nameservers or search or options or domain:
        resolv = Mode.STAGE0
    hosts, entries = _parse_hosts_entries(hosts_entries)
    dns = Dns(resolv, hosts, tuple(nameservers), tuple(search), tuple(options), domain, entries)
    _check_lines(dns)
    return dns


def resolv_conf(dns: Dns) -> str:
    """Return the text of a resolv.conf; each part only if there is something to say."""
    origin = f"from network {dns.network}" if dns.network else "by rkt run"
    lines = [f"# Generated {origin}", ""]
    if dns.search:
        lines.append("search " + " ".join(dns.search))
    lines += [f"nameserver {address}" for address in dns.nameservers]
    if dns.options:
        lines.append("options " + " ".join(dns.options))
    if dns.domain:
        lines.append(f"domain {dns.domain}")
    return "".join(f"{line}\n" for line in lines)


def hosts_fallback(hostname: str) -> str:
    """Return the hosts file of apps that have none: loopback names and the pod's own."""
    return insert_hostname(_FALLBACK_TOP + _FALLBACK_IPV4 + "\n" + _FALLBACK_IPV6, hostname)


def hosts_file(dns: Dns, hostname: str) -> str:
    """Return the text for ``--hosts-entry=IP=NAME``: the fallback and a line per address."""
    lines = "".join(f"{entry.address} {' '.join(entry.names)}\n" for entry in dns.entries)
    return f"{hosts_fallback(hostname)}\n\n# Added by rkt run --hosts-entry\n{lines}"


def own_hosts(dns: Dns, hostname: str) -> str:
    """Return the text of the hosts file that is the pod's own, "" where the host's is shown."""
    if dns.hosts == Mode.STAGE0:
        return hosts_file(dns, hostname)
    return hosts_fallback(hostname) if dns.hosts != Mode.HOST else ""


def insert_hostname(hosts: str, hostname: str) -> str:
    """Return ``hosts`` with ``hostname`` on its first 127.0.0.1 line, or on a new last line."""
    lines = hosts.split("\n")
    for index, line in enumerate(lines):
        if line.split()[:1] == [_LOOPBACK]:
            lines[index] = f"{line} {hostname}"
            return "\n".join(lines)
    gap = "\n" if hosts and not hosts.endswith("\n") else ""
    return f"{hosts}{gap}{_LOOPBACK}\t{hostname}\n"


def _parse_hosts_entries(values: Iterable[str]) -> tuple[str, tuple[HostsEntry, ...]]:
    mode = Mode.DEFAULT
    names: dict[str, list[str]] = {}
    for value in values:
        if value == Mode.HOST:
            mode = Mode.HOST
            continue
        for entry in value.split(","):
            address, equals, name = entry.partition("=")
            if not equals or not name:
                raise DnsError(f"Did not understand --hosts-entry {entry}")
            _check_address(address, "--hosts-entry")
            names.setdefault(address, []).append(name)
    if names and mode == Mode.HOST:
        raise DnsError("cannot pass --hosts-entry=host with multiple hosts-entries")
    if names:
        mode = Mode.STAGE0
    return mode, tuple(HostsEntry(address, tuple(found)) for address, found in names.items())


def _check_address(text: str, option: str) -> None:
    from rktpy.pod.before.ports import is_address

    if not is_address(text):
        raise DnsError(f"Invalid IP passed to {option}: {text}")


def _check_lines(dns: Dns) -> None:
    """A line end in a value would let it write directives of its own."""
    names = (name for entry in dns.entries for name in entry.names)
    for word in (*dns.search, *dns.options, dns.domain, *names):
        if any(character in word for character in "\n\r\0"):
            raise DnsError(f"line breaks are not allowed in dns and hosts values: {word!r}")
