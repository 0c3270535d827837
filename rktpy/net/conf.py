"""Which networks are configured, and which of them a pod joins. Plugins run elsewhere.

<configuration>/net.d/*.conf       one plugin (rkt)
<configuration>/net.d/*.conflist   a chain of plugins (ours; the CNI specification)

The networks ``default`` and ``default-restricted`` are built in; then come the vendor's, the local
and the user's configuration (rkt: the local one alone). Each overrides those before by the names
of networks; of two files of one that define the same name the first by file name counts. Every file
must be readable, asked for or not (rkt: networking/podenv.go).
"""

from __future__ import annotations

import os

from rktpy.codec import CodecError, parse, quote
from rktpy.errors import RktError
from rktpy.host.files import read_bytes
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rktpy.net.netlist import NetList

DIRECTORY = "net.d"  # below a configuration directory
LEGACY = "0.1.0"  # what a configuration without ``cniVersion`` means
SUFFIXES = (".conf", ".conflist")
_MAX_FILE = 1 << 20  # bytes; real files have a few hundred
_MAX_CHAIN = 32  # plugins; real chains have five

_BUILT_IN = (
    (
        "99-default-restricted.conf",
        b'{\n\t"cniVersion": "0.1.0",\n\t"name": "default-restricted",\n\t"type": "ptp",\n'
        b'\t"ipMasq": false,\n\t"ipam": {\n\t\t"type": "host-local",\n'
        b'\t\t"subnet": "172.31.0.0/16"\n\t}\n}\n',
    ),
    (
        "99-default.conf",
        b'{\n\t"cniVersion": "0.1.0",\n\t"name": "default",\n\t"type": "ptp",\n'
        b'\t"ipMasq": true,\n\t"ipam": {\n\t\t"type": "host-local",\n'
        b'\t\t"subnet": "172.16.28.0/24",\n\t\t"routes": [\n'
        b'\t\t\t{ "dst": "0.0.0.0/0" }\n\t\t]\n\t}\n}\n',
    ),
)


class NetConfError(RktError):
    """A network is not configured, or its configuration cannot be read."""


class NetConf(Value):
    """The configuration of one network; do not change the mappings in it."""

    name: str
    file: str  # base name
    content: bytes  # of the file, as it is
    chain: bool  # a ``.conflist``
    version: str  # of the CNI specification
    plugins: tuple[Mapping[str, object], ...]  # one unless ``chain``; without name and version
    disable_check: bool = False


class Joined(Value):
    """A network that a pod joins."""

    conf: NetConf
    interface: str  # in the pod: eth0, eth1, …
    arguments: str  # ``CNI_ARGS``


def choose(
    roots: Sequence[str], netlist: NetList, warn: Callable[[str], None]
) -> tuple[Joined, ...]:
    """Return the networks that ``netlist`` asks for, in the order in which a pod joins them.

    ``roots`` are configuration directories, the strongest last; they need not exist.

    Raises:
        NetConfError: a file is broken, whether it is asked for or not, or a network is missing.
    """
    if netlist.host or netlist.none:
        return ()
    asked = {network.name: network.arguments for network in netlist.networks}
    found = {conf.name: conf for conf in built_in() if netlist.every or conf.name in asked}
    for directory in directories(roots):
        own: dict[str, NetConf] = {}
        for conf in load(directory):
            if not (netlist.every or conf.name in asked):
                continue
            if conf.name in own:
                warn(f"{quote(conf.name)} network already defined, ignoring {conf.file}")
                continue
            own[conf.name] = conf
        for name in own:
            if name in found:
                warn(f"overriding {quote(name)} network with one from {directory}")
        found |= own
    missing = sorted(name for name in asked if name not in found and name != "all")
    if missing:
        places = directories(roots)
        hint = f"define them in {places[-1]}" if places else None
        raise NetConfError(f"networks not found: {', '.join(missing)}", hint=hint)
    ordered = sorted(found.values(), key=lambda conf: (conf.file, conf.name))
    return tuple(
        Joined(conf, f"eth{number}", asked.get(conf.name, ""))
        for number, conf in enumerate(ordered)
    )


def directories(roots: Sequence[str]) -> list[str]:
    """Return where networks are defined, the strongest last; empty roots are left out."""
    return [f"{root.rstrip('/')}/{DIRECTORY}" for root in roots if root]


def built_in() -> tuple[NetConf, ...]:
    """Return the networks that are there without any configuration, by file name."""
    return tuple(parse_conf(content, file) for file, content in _BUILT_IN)


def load(directory: str) -> list[NetConf]:
    """Return what the files of ``directory`` define, by file name; none if it is not there.

    Raises:
        NetConfError: one of the files is broken.
    """
    return [read_conf(path) for path in paths(directory)]


def paths(directory: str) -> list[str]:
    """Return the paths of the files in ``directory`` that define networks, by name.

    Raises:
        NetConfError: it is there and cannot be read.
    """
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(SUFFIXES))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _broken(directory, os.strerror(error.errno or 0)) from error
    return [path for name in names if not os.path.isdir(path := f"{directory}/{name}")]


def read_conf(path: str) -> NetConf:
    """Return what the file ``path`` defines.

    Raises:
        NetConfError: it is broken.
    """
    try:
        if not os.path.isfile(path):  # a pipe would make us wait
            raise _broken(path, "not a file")
        content = read_bytes(path, limit=_MAX_FILE)
    except OSError as error:
        raise _broken(path, os.strerror(error.errno or 0)) from error
    except ValueError:
        raise _broken(path, f"larger than {_MAX_FILE} bytes") from None
    return parse_conf(content, path)


def parse_conf(content: bytes, path: str) -> NetConf:
    """Return the network that ``content`` of the file ``path`` defines.

    Raises:
        NetConfError: it does not define one.
    """
    try:
        document = parse(content)
    except CodecError as error:
        raise _broken(path, error.message.removeprefix("invalid JSON: ")) from None
    if not isinstance(document, dict):
        raise _broken(path, "not a JSON object")
    chain = path.endswith(".conflist")
    name = _text(document, "name", path)
    if name in ("", ".", "..") or "/" in name or "\0" in name:  # plugins make a directory of it
        raise _broken(path, f"{quote(name)} cannot be the name of a network")
    return NetConf(
        name=name,
        file=path.rpartition("/")[2],
        content=content,
        chain=chain,
        version=_text(document, "cniVersion", path) or LEGACY,
        plugins=_plugins(document, path) if chain else (_plugin(document, path),),
        disable_check=document.get("disableCheck") is True,
    )


def _plugins(document: dict[str, object], path: str) -> tuple[Mapping[str, object], ...]:
    listed = document.get("plugins")
    if not isinstance(listed, list) or not listed:
        raise _broken(path, '"plugins" must be a list of at least one plugin')
    if len(listed) > _MAX_CHAIN:
        raise _broken(path, f"more than {_MAX_CHAIN} plugins")
    return tuple(_plugin(one, path) for one in listed)


def _plugin(fields: object, path: str) -> Mapping[str, object]:
    if not isinstance(fields, dict):
        raise _broken(path, "a plugin must be a JSON object")
    kind = _text(fields, "type", path)
    if kind in ("", ".", "..") or "/" in kind or "\0" in kind:  # it names a program
        raise _broken(path, f"{quote(kind)} cannot be the type of a plugin")
    capabilities = fields.get("capabilities")
    if capabilities is not None and not isinstance(capabilities, dict):
        raise _broken(path, '"capabilities" must be an object')
    return {key: value for key, value in fields.items() if key not in ("name", "cniVersion")}


def _text(fields: Mapping[str, object], key: str, path: str) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _broken(path, f"{quote(key)} must be a string")
    return value


def _broken(path: str, reason: str) -> NetConfError:
    return NetConfError(f"error loading network definitions: error loading {path}: {reason}")
