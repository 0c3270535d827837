"""What plugins read from their configuration, checked for type and range."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.config.fields import text
from rktpy.errors import RktError
from rktpy.net.ipam.arguments import section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.net.call import Call

_LARGEST_MTU = 65535 * 2


class OptionError(RktError):
    """The configuration of a network has a value that its plugin cannot use."""


def flag(fields: Mapping[str, object], key: str) -> bool:
    """Return a boolean, False if it is not there.

    Raises:
        OptionError: it is something else.
    """
    value = fields.get(key)
    if value is not None and not isinstance(value, bool):
        raise OptionError(f"{quote(key)} must be true or false")
    return bool(value)


def number(fields: Mapping[str, object], key: str, largest: int) -> int:
    """Return a whole number from 0 to ``largest``, 0 if it is not there.

    Raises:
        OptionError: it is something else.
    """
    value = fields.get(key)
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= largest:
        raise OptionError(f"{quote(key)} must be a number from 0 to {largest}")
    return value


def mtu(fields: Mapping[str, object], largest: int = _LARGEST_MTU) -> int:
    """Return ``mtu`` in bytes, 0 for the kernel's choice; errors as ``number``."""
    return number(fields, "mtu", largest)


def hardware_address(call: Call) -> bytes:
    """Return the MAC that is asked for, empty if none is.

    The last of ``mac``, ``MAC=`` in ``CNI_ARGS``, ``args.cni.mac`` and the capability ``mac``
    counts.

    Raises:
        OptionError: it is not one of six bytes.
    """
    config = call.config()
    words = dict(pair.partition("=")[::2] for pair in call.arguments.split(";"))
    written = (
        text(section(config, "runtimeConfig"), "mac")
        or text(section(config, "args", "cni"), "mac")
        or words.get("MAC", "")
        or text(config, "mac")
    )
    return parse_mac(written) if written else b""


def parse_mac(written: str) -> bytes:
    """Return a hardware address, its bytes parted by ``:`` or ``-``; errors as above."""
    parts = written.replace("-", ":").split(":")
    try:
        address = b"".join(map(bytes.fromhex, parts))
    except ValueError:
        address = b""
    if len(parts) != 6 or len(address) != 6 or not all(len(part) == 2 for part in parts):
        raise OptionError(f"{quote(written)} is not a hardware address")
    return address


def spell_mac(address: bytes) -> str:
    """Return a hardware address as text."""
    return address.hex(":")
