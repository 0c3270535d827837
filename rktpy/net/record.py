"""What a pod's directory says of its networks.

net/home                which network namespace is the pod's host: a unit may have one of its own
net/joining             the same file, from before ``netns`` until it has all networks and rules
netns                   path of the pod's network namespace, written before that is made
net/<file>              copy of a network's configuration, there while the pod may be in it
net-info.json           rkt's list, an object for each network, written before the first plugin is
                        called and after each; ``null`` for a pod with loopback only

Readers of rkt's file find its keys: netName, netConf, pluginPath, ifName, ip, args, mask. Ours
stand beside them: the first IPv6 address where ``ip`` is IPv4 (``ip6``), what a plugin answered and
was told, to be able to take it back (``result``, ``told``), where all plugins were found
(``plugins``) and with which local configuration directory (``local``).
"""

from __future__ import annotations

import os

from rktpy.codec import CodecError, compact, parse
from rktpy.errors import RktError
from rktpy.host.files import read_bytes, rewrite, write_atomic
from rktpy.net.conf import SUFFIXES, parse_conf
from rktpy.net.result import ResultError, read_result, render
from rktpy.net.runtime import here
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rktpy.net.conf import NetConf
    from rktpy.net.result import Result

NETNS_DIRECTORY = "/var/run/netns"  # as rkt and ``ip`` write it; /var/run is /run
_INFO, _NETNS, _CONFS, _HOME = "net-info.json", "netns", "net", "net/home"
_JOINING = "net/joining"
_VERSION = "1.0.0"  # of the results we keep
_LIMIT = 1 << 22  # bytes
LOCAL_CONFIG = "/etc/rkt"  # where nothing else is known
_NOTHING: Mapping[str, object] = {}


class RecordError(RktError):
    """What is noted of a pod's networks cannot be read."""


class Membership(Value):
    """A pod's place in a network. ``result`` is None as long as it is not known to be there."""

    network: str
    file: str  # base name of the copied configuration
    plugins: tuple[str, ...]  # paths, see ``Registry.path``
    interface: str
    arguments: str
    local: str
    told: Mapping[str, object] = _NOTHING  # capabilities, by name
    result: Result | None = None


def netns_path(uuid: str) -> str:
    """Return where the namespace of a pod is, as its files and plugins say it."""
    return f"{NETNS_DIRECTORY}/{netns_name(uuid)}"


def netns_name(uuid: str) -> str:
    """Return the name of a pod's namespace: nobody else's, and found again by its pod."""
    return f"cni-{uuid}"


def begin(pod: str, uuid: str, confs: Sequence[NetConf], memberships: Sequence[Membership]) -> None:
    """Note in the directory ``pod`` which namespace and networks the pod is about to get.

    ``joined`` says that it has them.
    """
    os.makedirs(f"{pod}/{_CONFS}", 0o755, exist_ok=True)
    write_atomic(f"{pod}/{_HOME}", here().encode(), mode=0o644, durable=False)
    # A second name, not a file: ext4 is slow after each one that goes (docs/adr/0035).
    os.link(f"{pod}/{_HOME}", f"{pod}/{_JOINING}")
    write_atomic(f"{pod}/{_NETNS}", netns_path(uuid).encode(), mode=0o644, durable=False)
    for conf, one in zip(confs, memberships, strict=True):
        write_atomic(f"{pod}/{_CONFS}/{one.file}", conf.content, mode=0o644, durable=False)


def joined(pod: str) -> None:
    """Note that the pod in ``pod`` has all that it is to have of networks."""
    os.unlink(f"{pod}/{_JOINING}")


def is_joining(pod: str) -> bool:
    """Return whether the networks of the pod in ``pod`` are still being laid, or were when its
    start was killed. Who has seen ``netns`` before and is told no finds all of them."""
    return os.path.lexists(f"{pod}/{_JOINING}")


def is_at_home(pod: str) -> bool:
    """Return whether the caller is in the network namespace that is the host of the pod in ``pod``,
    as far as is known."""
    return home(pod) in ("", here())


def home(pod: str) -> str:
    """Return which network namespace is the host of the pod in ``pod`` (``runtime.here``), "" if
    nobody knows."""
    try:
        return read_bytes(f"{pod}/{_HOME}", limit=100).decode("ascii", "replace")
    except (OSError, ValueError):
        return ""


def write(pod: str, memberships: Sequence[Membership]) -> None:
    """Note the networks of the pod, in the order in which it joined them.

    Nobody could take the pod out of them without this file, so it is never missing meanwhile.
    """
    entries = [_entry(one) for one in memberships] or None
    rewrite(f"{pod}/{_INFO}", compact(entries).encode(), mode=0o644)


def read(pod: str) -> list[Membership]:
    """Return the networks of the pod in ``pod``; none if nothing was noted.

    Raises:
        RecordError: the note is damaged.
    """
    path = f"{pod}/{_INFO}"
    try:
        document = parse(read_bytes(path, limit=_LIMIT))
    except FileNotFoundError:
        return []
    except (CodecError, OSError, ValueError) as error:
        raise RecordError(f"cannot read {path}: {error}") from error
    if document is not None and not isinstance(document, list):
        raise RecordError(f"cannot read {path}: it is not a list")
    return [_membership(entry, path) for entry in document or ()]


def read_copies(pod: str) -> list[Membership]:
    """Return what the copies of configurations alone say, for when the list is damaged: enough for
    plugins to take back what they gave, as they go by the pod's UUID."""
    try:
        names = sorted(os.listdir(f"{pod}/{_CONFS}"))
    except OSError:
        return []
    found: list[Membership] = []
    for name in names:
        if not name.endswith(SUFFIXES):
            continue
        try:
            conf = parse_conf(read_bytes(f"{pod}/{_CONFS}/{name}", limit=_LIMIT), name)
        except (RktError, OSError, ValueError):
            continue  # damaged as well: nobody knows what it was
        found.append(Membership(conf.name, name, (), f"eth{len(found)}", "", LOCAL_CONFIG))
    return found


def conf_of(pod: str, membership: Membership) -> NetConf | None:
    """Return the copied configuration, None if the pod has left the network.

    Raises:
        RktError: it is damaged.
    """
    path = f"{pod}/{_CONFS}/{membership.file}"
    try:
        content = read_bytes(path, limit=_LIMIT)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RecordError(f"cannot read {path}: {error}") from error
    return parse_conf(content, path)


def left(pod: str, membership: Membership) -> None:
    """Note that the pod has left the network."""
    try:
        os.unlink(f"{pod}/{_CONFS}/{membership.file}")
    except FileNotFoundError:
        pass


def has_networks(pod: str) -> bool:
    """Return whether something may be there to take back."""
    return os.path.lexists(f"{pod}/{_NETNS}")


def note_of_netns(pod: str) -> str:
    """Return the path of the first thing that is noted of a pod's networks."""
    return f"{pod}/{_NETNS}"


def forget_netns(pod: str) -> None:
    """Note that the namespace is gone."""
    try:
        os.unlink(f"{pod}/{_NETNS}")
    except FileNotFoundError:
        pass


def _entry(membership: Membership) -> dict[str, object]:
    address, mask = _first_address(membership.result)
    entry: dict[str, object] = {
        "netName": membership.network,
        "netConf": f"{_CONFS}/{membership.file}",
        "pluginPath": membership.plugins[0],
        "ifName": membership.interface,
        "ip": address,
        "args": membership.arguments,
        "mask": mask,
        "local": membership.local,
        "plugins": list(membership.plugins),
    }
    if mask and (other := _first_ipv6(membership.result)):
        entry["ip6"] = other
    if membership.told:
        entry["told"] = dict(membership.told)
    if membership.result is not None:
        entry["result"] = render(membership.result, _VERSION)
    return entry


def _membership(entry: object, path: str) -> Membership:
    if not isinstance(entry, dict):
        raise RecordError(f"cannot read {path}: an entry is not an object")
    texts = {}
    for key in ("netName", "netConf", "pluginPath", "ifName", "args", "local"):
        value = entry.get(key, "")
        if not isinstance(value, str):
            raise RecordError(f"cannot read {path}: {key} is not a string")
        texts[key] = value
    result, told = entry.get("result"), entry.get("told")
    plugins = entry.get("plugins")
    if not isinstance(plugins, list) or not all(isinstance(one, str) for one in plugins):
        plugins = [texts["pluginPath"]]
    try:
        known = read_result(result) if result is not None else None
    except ResultError as error:
        raise RecordError(f"cannot read {path}: {error.message}") from error
    return Membership(
        network=texts["netName"],
        file=os.path.basename(texts["netConf"]),
        plugins=tuple(plugins),
        interface=texts["ifName"],
        arguments=texts["args"],
        local=texts["local"],
        told=told if isinstance(told, dict) else _NOTHING,
        result=known,
    )


def _first_address(result: Result | None) -> tuple[str, str]:
    """Return address and mask as rkt notes them: IPv4 if there is one."""
    found = sorted(result.addresses if result else (), key=lambda one: one.family)
    if not found:
        return "", ""
    address, _, length = found[0].address.partition("/")
    if found[0].family != 4 or not length:
        return address, ""
    bits = 0xFFFFFFFF << 32 - int(length) & 0xFFFFFFFF
    return address, ".".join(str(bits >> shift & 0xFF) for shift in (24, 16, 8, 0))


def _first_ipv6(result: Result | None) -> str:
    found = (one for one in result.addresses if one.family == 6) if result else iter(())
    return next((one.address.partition("/")[0] for one in found), "")
