"""The rules of a pod as one transaction of iptables-restore(8), for hosts without nft. Pure.

rkt's chains and rules, which people look for with ``iptables -t nat -S`` (rkt: networking/
portfwd.go; CNI's pkg/ip/ipmasq.go), for ip6tables alike. Ours are only those for what rkt did not
do: ports reached through themselves and from neighbours, ranges, sources, and the guard in the
table ``raw`` (see ``loopback``).

    nat   RKT-PFWD-DNAT-<8>   for the host's addresses, from PREROUTING and OUTPUT
          RKT-PFWD-SNAT-<8>   from POSTROUTING, what needs the way back
          CNI-<24>            from POSTROUTING, masquerading of one network
    raw   RKT-PFWD-RAW-<8>    from PREROUTING

A transaction takes away what a listing (iptables-save) shows of the pod, and adds what it needs.
"""

from __future__ import annotations

from rktpy.net.firewall.addresses import LOOPBACK, MULTICAST, check_ports, host_part, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rktpy.net.rules import Forward, Masquerade, Rules

_LOCALHOST = ("127.0.0.1", "::1")
_EVERYWHERE = ("0.0.0.0/0", "::/0")
_CAME = "-m conntrack --ctstate DNAT"
_NAME = 128  # characters of a network's name in a comment, which has 255 at most


def transaction(uuid: str, rules: Rules, links: Iterable[str], listing: str, *, ipv6: bool) -> str:
    """Return the transaction after which the pod has ``rules`` of one family and nothing else.

    ``links`` are the names of the links on which the host takes loopback addresses for the pod.
    "" if there is nothing to do.

    Raises:
        RuleError: something in ``rules`` is not an address, port or protocol.
    """
    wanted = {
        "nat": [*_forwards(uuid, rules, ipv6), *_masquerades(uuid, rules.masquerades, ipv6)],
        "raw": [] if ipv6 else list(_guard(uuid, links)),
    }
    text = ""
    for table, lines in wanted.items():
        found = _of_pod(uuid, table, listing)
        if not lines and not found:
            continue
        own = {chain for line in lines if _is_own(chain := line.split(" ", 2)[1])}
        old = {line[3:] for line in found if line.startswith("-N ")}
        text += f"*{table}\n" + "".join(f":{chain} - [0:0]\n" for chain in sorted(own | old))
        text += "".join(
            f"-D {line[3:]}\n"
            for line in found
            if line.startswith("-A ") and line.split(" ", 2)[1] not in old
        )
        text += "".join(f"{line}\n" for line in lines)
        text += "".join(f"-X {chain}\n" for chain in sorted(old - own)) + "COMMIT\n"
    return text


def size(uuid: str, rules: Rules, links: Iterable[str], *, ipv6: bool) -> int:
    """Return how many rules the pod has; errors as ``transaction``."""
    text = transaction(uuid, rules, links, "", ipv6=ipv6)
    return sum(line[:3] in ("-A ", "-I ") for line in text.splitlines())


def present(uuid: str, listing: str) -> int:
    """Return how many rules a listing shows of the pod."""
    return sum(
        line.startswith("-A ") for table in ("nat", "raw") for line in _of_pod(uuid, table, listing)
    )


def _chain(uuid: str, kind: str) -> str:
    return f"RKT-PFWD-{kind}-{uuid[:8]}"


def _is_own(chain: str) -> bool:
    return chain.startswith(("RKT-PFWD-", "CNI-"))


def _forwards(uuid: str, rules: Rules, ipv6: bool) -> Iterator[str]:  # noqa: FBT001
    dnat, snat = _chain(uuid, "DNAT"), _chain(uuid, "SNAT")
    there: list[str] = []
    back: dict[str, None] = {}
    pods: dict[str, None] = {}
    for forward in rules.forwards:
        pod = place(forward.address)
        targets = _dnat(dnat, forward) if pod.ipv6 == ipv6 else []
        there += targets
        if targets and forward.back:
            pods[pod.address] = None
            back |= dict.fromkeys(_ways_back(snat, forward))
    if not there:
        return
    local = _LOCALHOST[ipv6]
    if pods:
        yield f"-I POSTROUTING 1 -s {local} ! -d {local} -j {snat}"
    for number, address in enumerate(pods, 2):
        yield f"-I POSTROUTING {number} -d {address} {_CAME} -j {snat}"
    for chain in ("PREROUTING", "OUTPUT"):
        yield f"-I {chain} 1 -m addrtype --dst-type LOCAL -j {dnat}"
    yield from there
    yield from back


def _dnat(chain: str, forward: Forward) -> list[str]:
    pod, port = place(forward.address), forward.port
    check_ports(port.protocol, (port.host_port, port.count), (port.pod_port, port.count))
    host = host_part(port.host_ip, ipv6=pod.ipv6)
    if host is None:
        return []
    sources = [one.network for one in map(place, port.sources) if one.ipv6 == pod.ipv6]
    if port.sources and not sources:
        return []
    target = f"[{pod.address}]" if pod.ipv6 else pod.address
    target += f":{port.pod_port}"
    if port.count > 1:
        target += f"-{port.pod_port + port.count - 1}/{port.host_port}"
    ports = _ports(port.host_port, port.count)
    return [
        f"-A {chain} {source}-d {host or _EVERYWHERE[pod.ipv6]} -p {port.protocol} --dport {ports}"
        f" -j DNAT --to-destination {target}"
        for source in ([f"-s {one} " for one in sources] or [""])
    ]


def _ways_back(chain: str, forward: Forward) -> list[str]:
    pod, port = place(forward.address), forward.port
    ports = _ports(port.pod_port, port.count)
    return [
        f"-A {chain} -p {port.protocol} -s {_LOCALHOST[pod.ipv6]} -d {pod.address} --dport {ports}"
        " -j MASQUERADE",
        f"-A {chain} -d {pod.address} {_CAME} -m addrtype --src-type LOCAL -j MASQUERADE",
        f"-A {chain} -s {pod.network} -d {pod.address} {_CAME} -j MASQUERADE",
    ]


def _ports(first: int, count: int) -> str:
    return f"{first}:{first + count - 1}" if count > 1 else str(first)


def _masquerades(
    uuid: str,
    masquerades: Iterable[Masquerade],
    ipv6: bool,  # noqa: FBT001
) -> Iterator[str]:
    import hashlib  # cold: hosts without nft

    networks: dict[str, dict[str, None]] = {}
    for one in masquerades:
        pod = place(one.address)
        if pod.ipv6 == ipv6:
            networks.setdefault(one.network, {})[pod.network] = None
    for name, inside in networks.items():
        digest = hashlib.sha512((name + uuid).encode("utf-8", "surrogateescape")).hexdigest()
        chain = f"CNI-{digest}"[:28]
        comment = f"-m comment --comment {_quoted(_comment(name, uuid))}"
        for network in inside:
            yield f"-A POSTROUTING -s {network} {comment} -j {chain}"
        for network in inside:
            yield f"-A {chain} -d {network} {comment} -j ACCEPT"
        yield f"-A {chain} ! -d {MULTICAST[ipv6]} {comment} -j MASQUERADE"


def _guard(uuid: str, links: Iterable[str]) -> Iterator[str]:
    chain = _chain(uuid, "RAW")
    found = list(links)
    for link in found:
        yield f"-I PREROUTING 1 -i {_quoted(link)} -j {chain}"
    if found:
        yield f"-A {chain} -d {LOOPBACK} -j DROP"
        yield f"-A {chain} -s {LOOPBACK} -j DROP"


def _comment(name: str, uuid: str) -> str:
    shown = "".join(char if char.isascii() and char.isprintable() else "?" for char in name)
    return f'name: "{shown[:_NAME]}" id: "{uuid}"'


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _of_pod(uuid: str, table: str, listing: str) -> list[str]:
    """Return what one table has of the pod, its chains as ``-N``, in the order of the listing."""
    kinds = {_chain(uuid, kind) for kind in ("DNAT", "SNAT", "RAW")}
    lines = list(_lines(table, listing))
    ending = f'id: "{uuid}"'
    for words in lines:
        if _after(words, "--comment").endswith(ending):
            kinds |= {name for name in (words[1], _after(words, "-j")) if name.startswith("CNI-")}
    found = []
    for words in lines:
        if words[0].startswith(":"):
            if words[0][1:] in kinds:
                found.append(f"-N {words[0][1:]}")
        elif words[1] in kinds or _after(words, "-j") in kinds:
            found.append(" ".join(_bare_or_quoted(word) for word in words))
    return found


def _lines(table: str, listing: str) -> Iterator[list[str]]:
    inside = False
    for line in listing.splitlines():
        if line.startswith("*"):
            inside = line == f"*{table}"
        elif inside and line.startswith((":", "-A ")):
            words = _words(line)
            if len(words) > 1:
                yield words


def _words(line: str) -> list[str]:
    """Return the words of a line as iptables writes it: quoted where there is a space in it."""
    words: list[str] = []
    word, quoted, escaped, started = "", False, False, False
    for char in line:
        if escaped:
            word, escaped = word + char, False
        elif char == "\\" and quoted:
            escaped = True
        elif char == '"':
            quoted, started = not quoted, True
        elif char == " " and not quoted:
            if word or started:
                words.append(word)
            word, started = "", False
        else:
            word += char
    return [*words, word] if word or started else words


def _bare_or_quoted(word: str) -> str:
    plain = word and all(char.isalnum() or char in "-_./:,!+[]" for char in word)
    return word if plain else _quoted(word)


def _after(words: Sequence[str], option: str) -> str:
    return words[words.index(option) + 1] if option in words[:-1] else ""
