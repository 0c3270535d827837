"""flannel: the part of a cluster's network that belongs to this host, for pods.

It makes nothing itself. From what the flannel daemon has written it derives the configuration of
another plugin, the delegate, and has that do the work.

/run/flannel/subnet.env           FLANNEL_NETWORK, FLANNEL_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ, and
                                  FLANNEL_IPV6_NETWORK, FLANNEL_IPV6_SUBNET of newer daemons
/var/lib/cni/flannel/<pod>        the delegate's configuration, kept from before its ADD until
                                  after its DEL: the daemon may have written something else by then
/var/lib/cni/flannel/<pod>-<if>   the same of a second network of this kind (ours)

Source: the flannel page of cni.dev; ``plugins/meta/flannel`` of CNI 0.3 as rkt shipped it.
"""

from __future__ import annotations

import os

from rktpy.codec import CodecError, compact, parse, quote
from rktpy.config.fields import mapping, text
from rktpy.errors import RktError
from rktpy.host.files import read_bytes, write_atomic
from rktpy.net.ipam.addresses import block_of, length_in, text_of
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.net.call import Call, Plugin
    from rktpy.net.result import Result
    from rktpy.net.rules import Rules

_SUBNET_FILE = "/run/flannel/subnet.env"
_DATA_DIR = "/var/lib/cni/flannel"
_HINT = "is flanneld running on this host?"
_MAX_FILE = 1 << 16  # bytes; the daemon writes a hundred


class FlannelError(RktError):
    """The flannel daemon has not written what is needed, or the configuration is wrong."""


class Lease(Value):
    """What the daemon says: the networks of the cluster and the parts of this host (CIDR), the
    MTU, and whether the daemon itself masquerades."""

    networks: tuple[str, ...]
    subnets: tuple[str, ...]
    mtu: int
    masquerades: bool


class Flannel:
    """The meta plugin; a ``Plugin``."""

    __slots__ = ("_find",)

    def __init__(self, ipam: Callable[[str], Plugin], find: Callable[[str], Plugin]) -> None:
        """``find`` finds the delegate, which finds its own ``ipam``."""
        del ipam
        self._find = find

    def add(self, call: Call) -> Result:
        """Put the pod into this host's part of the cluster's network.

        Raises:
            FlannelError: the daemon has not run, or the configuration is wrong.
            RktError: of the delegate.
        """
        fields = derive(call.fields, read_lease(text(call.fields, "subnetFile") or _SUBNET_FILE))
        delegated = call.replace(fields=fields, content=None)
        plugin = self._find(str(fields["type"]))
        _keep(delegated, _data_dir(call))
        return plugin.add(delegated)

    def delete(self, call: Call) -> None:
        """Take the pod out again.

        Raises:
            RktError: of the delegate, or what it was told is not known any more.
        """
        found = _kept(call)
        if found is None:
            return
        path, delegated = found
        self._find(str(delegated.fields["type"])).delete(delegated)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass  # somebody else took the pod out at the same time

    def check(self, call: Call) -> None:
        """Ask the delegate.

        Raises:
            RktError: it is not as it was.
        """
        found = _kept(call)
        if found is None:
            raise FlannelError(f"pod {call.container} is not in the network {quote(call.network)}")
        self._find(str(found[1].fields["type"])).check(found[1])

    def rules(self, call: Call, result: Result) -> Rules:
        """Return the rules of the delegate.

        Raises:
            FlannelError: the pod is not in the network.
            RktError: of the delegate.
        """
        found = _kept(call)
        if found is None:
            raise FlannelError(f"pod {call.container} is not in the network {quote(call.network)}")
        return self._find(str(found[1].fields["type"])).rules(found[1], result)


def read_lease(path: str) -> Lease:
    """Return what the daemon has written to ``path``.

    Raises:
        FlannelError: it has not, or something is missing.
    """
    try:
        content = read_bytes(path, limit=_MAX_FILE).decode("utf-8", "replace")
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise FlannelError(f"cannot read {path}: {why}", hint=_HINT) from error
    except ValueError as error:
        raise FlannelError(str(error), hint=_HINT) from None
    found = dict(line.strip().partition("=")[::2] for line in content.splitlines() if "=" in line)
    networks = _blocks(found, "NETWORK", path)
    subnets = _blocks(found, "SUBNET", path)
    mtu = found.get("FLANNEL_MTU", "")
    missing = [
        name
        for name, value in (
            ("FLANNEL_NETWORK", networks),
            ("FLANNEL_SUBNET", subnets),
            ("FLANNEL_MTU", mtu),
            ("FLANNEL_IPMASQ", found.get("FLANNEL_IPMASQ")),
        )
        if not value
    ]
    if missing:
        raise FlannelError(f"{path} is missing {', '.join(missing)}", hint=_HINT)
    if not (mtu.isascii() and mtu.isdigit() and len(mtu) < 10):
        raise FlannelError(f"{path}: FLANNEL_MTU is not a number: {quote(mtu)}", hint=_HINT)
    return Lease(networks, subnets, int(mtu), found["FLANNEL_IPMASQ"] == "true")


def derive(fields: Mapping[str, object], lease: Lease) -> dict[str, object]:
    """Return the delegate's fields: what ``fields`` say in ``delegate``, and what ``lease`` adds.

    Raises:
        FlannelError: ``delegate`` has what it must not have.
        ConfigError: a value is of the wrong type.
    """
    delegate: dict[str, object] = dict(mapping(fields, "delegate") or {})
    kind = delegate.setdefault("type", "bridge")
    if not isinstance(kind, str):
        raise FlannelError("'delegate' dictionary, if present, must have (string) 'type' field")
    if kind == "flannel":
        raise FlannelError("flannel cannot be the 'type' of its own 'delegate' dictionary")
    for key in ("name", "ipam"):
        if key in delegate:
            raise FlannelError(
                f"'delegate' dictionary must not have '{key}' field, it'll be set by flannel"
            )
    delegate.setdefault("ipMasq", not lease.masquerades)  # one of the two has to
    delegate.setdefault("mtu", lease.mtu)
    if kind == "bridge":
        delegate.setdefault("isGateway", True)
    if "capabilities" in fields:
        delegate["capabilities"] = fields["capabilities"]
    delegate["ipam"] = _ipam(mapping(fields, "ipam") or {}, lease)
    return delegate


def _ipam(own: Mapping[str, object], lease: Lease) -> dict[str, object]:
    ipam = {"type": "host-local", **own}
    routes = own.get("routes")
    ipam["routes"] = [
        *(routes if isinstance(routes, list) else ()),
        *({"dst": network} for network in lease.networks),
    ]
    if len(lease.subnets) == 1:
        ipam["subnet"] = lease.subnets[0]
    else:
        ipam["ranges"] = [[{"subnet": subnet}] for subnet in lease.subnets]
    return ipam


def _blocks(found: Mapping[str, str], what: str, path: str) -> tuple[str, ...]:
    """Return the networks of both families; of several, separated by commas, all."""
    blocks = []
    for name in (f"FLANNEL_{what}", f"FLANNEL_IPV6_{what}"):
        for one in found.get(name, "").split(","):
            if not one.strip():
                continue
            block = block_of(one.strip())
            if block is None:
                raise FlannelError(
                    f"{path}: invalid CIDR address in {name}: {quote(one)}", hint=_HINT
                )
            # FLANNEL_SUBNET is written with the address of the gateway.
            length = length_in(block.address, block.prefix)
            blocks.append(f"{text_of(block.first)}/{length}")
    return tuple(blocks)


def _data_dir(call: Call) -> str:
    return text(call.fields, "dataDir") or _DATA_DIR


def _keep(delegated: Call, directory: str) -> None:
    """Write down what the delegate is told, without what belongs to one call only."""
    content = compact(delegated.replace(previous=None).config()).encode()
    path = f"{directory}/{delegated.container}"
    if _name_in(path) not in (None, delegated.network):
        path += f"-{delegated.interface}"  # the pod is in another network of this kind
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        write_atomic(path, content, mode=0o600)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise FlannelError(f"cannot write {path}: {why}") from error


def _kept(call: Call) -> tuple[str, Call] | None:
    """Return what the delegate was told, and where that stands; None if it was told nothing."""
    path = f"{_data_dir(call)}/{call.container}"
    for place in (f"{path}-{call.interface}", path):
        if _name_in(place) == call.network:
            fields = {
                key: value
                for key, value in _read(place).items()
                if key not in ("name", "cniVersion", "runtimeConfig", "prevResult")
            }
            if "capabilities" in call.fields:
                fields["capabilities"] = call.fields["capabilities"]
            return place, call.replace(fields=fields, content=None)
    return None


def _name_in(path: str) -> str | None:
    """Return which network ``path`` is of, None if there is no such file."""
    if not os.path.lexists(path):
        return None
    return text(_read(path), "name")


def _read(path: str) -> dict[str, object]:
    hint = f"take the pod's network away by hand, then remove {path}"
    try:
        document = parse(read_bytes(path, limit=_MAX_FILE))
    except OSError as error:
        raise FlannelError(f"cannot read {path}: {os.strerror(error.errno or 0)}") from error
    except (CodecError, ValueError) as error:
        raise FlannelError(f"{path} is broken: {error}", hint=hint) from None
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise FlannelError(f"{path} is broken: not the configuration of a plugin", hint=hint)
    return document
