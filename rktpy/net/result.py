"""What a network plugin reports: the results of all versions of CNI as one value, and back.

0.1.0 and 0.2.0 have at most one address of a family (``ip4``, ``ip6``) with its routes; 0.3.0 to
1.0.0 have ``interfaces``, ``ips`` and ``routes``. Source: SPEC.md of containernetworking/cni at its
tags spec-v0.1.0 to spec-v1.0.0. A plugin is a stranger: types, addresses and counts are checked.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_pton  # socket itself imports enum and selectors

from rktpy.codec import CodecError, parse, quote
from rktpy.errors import RktError
from rktpy.net.outcome import DNS
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0")
_OLD = ("", "0.1.0", "0.2.0")
_MAX_ITEMS = 1024  # of a list
_MAX_TEXT = 4096  # characters


class ResultError(RktError):
    """What a plugin said is not a result."""


class Interface(Value):
    """An interface that a plugin made; ``sandbox`` is "" for one of the host."""

    name: str
    mac: str = ""
    sandbox: str = ""


class Address(Value):
    """An address of the pod with its prefix length; ``interface`` counts in the result's list."""

    address: str
    gateway: str = ""
    interface: int | None = None

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.address else 4


class Route(Value):
    """A route of the pod; without ``gateway`` that of the address."""

    destination: str
    gateway: str = ""


_NO_DNS = DNS()


class Result(Value):
    """What an ADD led to. Plugins may leave out all of it."""

    interfaces: tuple[Interface, ...] = ()
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: DNS = _NO_DNS


def parse_result(text: bytes) -> Result:
    """Return the result that ``text`` is, of whatever version.

    Raises:
        ResultError: it is not one.
    """
    try:
        document = parse(text)
    except CodecError as error:
        raise ResultError(error.message) from None
    return read_result(document)


def read_result(document: object) -> Result:
    """Return the result that the JSON value ``document`` is.

    Raises:
        ResultError: it is not one.
    """
    if not isinstance(document, dict):
        raise ResultError("a result must be a JSON object")
    version = _text(document, "cniVersion")
    dns = _dns(document)
    if version in _OLD and "ips" not in document and "interfaces" not in document:
        return _read_old(document, dns)
    interfaces = tuple(
        Interface(_text(one, "name"), _text(one, "mac"), _text(one, "sandbox"))
        for one in _objects(document, "interfaces")
    )
    addresses = tuple(_address(one, len(interfaces)) for one in _objects(document, "ips"))
    return Result(interfaces, addresses, _routes(document), dns)


def render(result: Result, version: str) -> dict[str, object]:
    """Return ``result`` as JSON value of ``version``; 0.1.0 and 0.2.0 drop what they cannot say.

    Raises:
        ResultError: there is no such version.
    """
    if version not in VERSIONS:
        raise ResultError(f"unknown CNI version {quote(version)}")
    document: dict[str, object] = {"cniVersion": version}
    if version in _OLD:
        for family in (4, 6):
            config = _render_old(result, family)
            if config:
                document[f"ip{family}"] = config
    else:
        new = not version.startswith("0.")
        if result.interfaces:
            document["interfaces"] = [
                _filled(name=one.name, mac=one.mac, sandbox=one.sandbox)
                for one in result.interfaces
            ]
        if result.addresses:
            document["ips"] = [_render_address(one, new=new) for one in result.addresses]
        if result.routes:
            document["routes"] = [_render_route(one) for one in result.routes]
    dns = result.dns
    document["dns"] = _filled(
        nameservers=list(dns.nameservers), domain=dns.domain,
        search=list(dns.search), options=list(dns.options),
    )  # fmt: skip
    return document


def _read_old(document: dict[str, object], dns: DNS) -> Result:
    addresses: list[Address] = []
    routes: list[Route] = []
    for family in (4, 6):
        config = document.get(f"ip{family}")
        if config is None:
            continue
        if not isinstance(config, dict):
            raise ResultError(f'"ip{family}" must be an object')
        address = _cidr(config, "ip")
        if (":" in address) != (family == 6):
            raise ResultError(f'"ip{family}" has the address {address}')
        addresses.append(Address(address, _host(config, "gateway")))
        routes += _routes(config)
    return Result((), tuple(addresses), tuple(routes), dns)


def _render_old(result: Result, family: int) -> dict[str, object]:
    for one in result.addresses:
        if one.family == family:
            routes = [
                _render_route(route)
                for route in result.routes
                if (":" in route.destination) == (family == 6)
            ]
            return _filled(ip=one.address, gateway=one.gateway, routes=routes)
    return {}


def _address(fields: Mapping[str, object], interfaces: int) -> Address:
    index = fields.get("interface")
    # Some plugins of the time of 0.3 wrote -1 for "none".
    if index is not None and (type(index) is not int or not -1 <= index < max(interfaces, 1)):
        raise ResultError('"interface" of an address must count in "interfaces"')
    number = index if isinstance(index, int) and 0 <= index < interfaces else None
    return Address(_cidr(fields, "address"), _host(fields, "gateway"), number)


def _render_address(one: Address, *, new: bool) -> dict[str, object]:
    fields: dict[str, object] = {} if new else {"version": str(one.family)}
    if one.interface is not None:
        fields["interface"] = one.interface
    return fields | _filled(address=one.address, gateway=one.gateway)


def _routes(fields: Mapping[str, object]) -> tuple[Route, ...]:
    return tuple(Route(_cidr(one, "dst"), _host(one, "gw")) for one in _objects(fields, "routes"))


def _render_route(route: Route) -> dict[str, object]:
    return _filled(dst=route.destination, gw=route.gateway)


def _dns(document: Mapping[str, object]) -> DNS:
    fields = document.get("dns")
    if fields is None:
        return _NO_DNS
    if not isinstance(fields, dict):
        raise ResultError('"dns" must be an object')
    return DNS(
        _texts(fields, "nameservers"),
        _line(fields, "domain"),
        _texts(fields, "search"),
        _texts(fields, "options"),
    )


def _cidr(fields: Mapping[str, object], key: str) -> str:
    text = _text(fields, key)
    address, _slash, length = text.partition("/")
    bits = _bits(address)
    if not bits or not (length.isascii() and length.isdigit() and len(length) < 4):
        raise ResultError(f"{quote(key)} is not an address with its prefix length: {quote(text)}")
    if int(length) > bits:
        raise ResultError(f"{quote(key)} has a prefix longer than its address: {quote(text)}")
    return text


def _host(fields: Mapping[str, object], key: str) -> str:
    text = _text(fields, key)
    if text and not _bits(text):
        raise ResultError(f"{quote(key)} is not an address: {quote(text)}")
    return text


def _bits(address: str) -> int:
    """Return the length of ``address``, 0 if it is not one."""
    family, bits = (AF_INET6, 128) if ":" in address else (AF_INET, 32)
    try:
        inet_pton(family, address)
    except (OSError, ValueError):
        return 0
    return bits


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _MAX_TEXT or "\0" in value:
        raise ResultError(f"{quote(key)} must be a string of at most {_MAX_TEXT} characters")
    return value


def _line(fields: Mapping[str, object], key: str) -> str:
    """Return a text that becomes part of a line of resolv.conf."""
    value = _text(fields, key)
    if value and not value.isprintable():
        raise ResultError(f"{quote(key)} has characters that cannot be printed")
    return value


def _items(fields: Mapping[str, object], key: str) -> list[object]:
    value = fields.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise ResultError(f"{quote(key)} must be a list of at most {_MAX_ITEMS} items")
    return value


def _texts(fields: Mapping[str, object], key: str) -> tuple[str, ...]:
    return tuple(_line({key: item}, key) for item in _items(fields, key))


def _objects(fields: Mapping[str, object], key: str) -> list[dict[str, object]]:
    found = []
    for item in _items(fields, key):
        if not isinstance(item, dict):
            raise ResultError(f"{quote(key)} must be a list of objects")
        found.append(item)
    return found


def _filled(**fields: object) -> dict[str, object]:
    return {key: value for key, value in fields.items() if value}
