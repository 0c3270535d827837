"""What a pod asks of an IPAM plugin: ``CNI_ARGS`` and the texts of lists in a configuration.

Source: CONVENTIONS.md of containernetworking/cni, and ``types/args.go`` for what is refused.
"""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.config.fields import mapping
from rktpy.errors import RktError
from rktpy.net.ipam.addresses import is_v4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OLD = ("", "0.1.0", "0.2.0")
_TRUE = ("1", "true")
_FALSE = ("0", "false")
_FOR_OTHERS = ("MAC",)  # read by the plugin that makes the interface


class IpamError(RktError):
    """An address cannot be given out, or the ``ipam`` part of a configuration is wrong."""


def read_arguments(text: str, known: tuple[str, ...]) -> dict[str, str]:
    """Return the values of ``known`` keys in ``CNI_ARGS`` (``K=V;K=V``); empty ones are left out.

    Raises:
        IpamError: a pair cannot be read, or its key is unknown and ``IgnoreUnknown`` is not set.
    """
    found: dict[str, str] = {}
    unknown = []
    ignore = False
    for pair in text.split(";") if text else ():
        key, equals, value = pair.partition("=")
        if not equals or "=" in value:
            raise IpamError(f"ARGS: invalid pair {quote(pair)}", hint="write KEY=VALUE;KEY=VALUE")
        if key == "IgnoreUnknown":
            if value.lower() not in _TRUE + _FALSE:
                raise IpamError(f"ARGS: IgnoreUnknown cannot be {quote(value)}")
            ignore = value.lower() in _TRUE
        elif key in known:
            if value:
                found[key] = value
        elif key not in _FOR_OTHERS:
            unknown.append(quote(pair))
    if unknown and not ignore:
        raise IpamError(
            f"ARGS: unknown args [{' '.join(unknown)}]",
            hint=f"known are {', '.join(known)}; IgnoreUnknown=1 passes over others",
        )
    return found


def section(fields: Mapping[str, object], *keys: str) -> Mapping[str, object]:
    """Return the object below ``keys`` in ``fields``; empty if it is not there.

    Raises:
        ConfigError: something else is there.
    """
    for key in keys:
        fields = mapping(fields, key) or {}
    return fields


def list_in(fields: Mapping[str, object], key: str) -> list[object]:
    """Return the list ``key``; empty if it is not there.

    Raises:
        IpamError: something else is there.
    """
    value = fields.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise IpamError(f"{quote(key)} must be a list")
    return value


def check_count(numbers: Sequence[int], version: str) -> None:
    """See that ``version`` of the specification can name that many addresses.

    Raises:
        IpamError: it has one of a family only.
    """
    fours = sum(map(is_v4, numbers))
    if version in _OLD and max(fours, len(numbers) - fours) > 1:
        raise IpamError(
            f"CNI version {version} does not support more than 1 address per family",
            hint='"cniVersion" 0.3.0 and later do',
        )
