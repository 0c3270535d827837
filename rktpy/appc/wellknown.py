"""The annotations whose values have a form: dates and web addresses."""

from __future__ import annotations

from rktpy.appc.errors import AppcError
from rktpy.codec import quote

_HEX = "0123456789abcdefABCDEF"
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def check_annotation(name: str, value: str) -> None:
    """Raise if ``value`` cannot be that of the well-known annotation ``name``."""
    if name == "created":
        check_date(value)
    else:
        check_url(value)


def check_date(text: str) -> str:
    """Return ``text`` if it is an RFC 3339 time with a literal ``T``.

    Raises:
        AppcError: it is not; the text starts with ``bad Date:``.
    """
    clock, zone = (text[:-1], "+00:00") if text.endswith("Z") else (text[:-6], text[-6:])
    whole, dot, fraction = clock.partition(".")
    shape = "".join("0" if c.isascii() and c.isdigit() else c for c in whole + zone)
    if (
        shape.replace("-", "+") != "0000+00+00T00:00:00+00:00"
        or shape[4:8] != "-00-"
        or (dot and not (fraction.isascii() and fraction.isdigit()))
        or not _in_calendar(whole, zone)
    ):
        raise AppcError(f"bad Date: {quote(text)} is not a time such as 2006-01-02T15:04:05Z")
    return text


def _in_calendar(whole: str, zone: str) -> bool:
    year, month, day = int(whole[:4]), int(whole[5:7]), int(whole[8:10])
    hour, minute, second = int(whole[11:13]), int(whole[14:16]), int(whole[17:19])
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
        return False
    if (month, day) == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
        return False
    return hour < 24 and minute < 60 and second < 60 and int(zone[1:3]) <= 24


def check_url(text: str) -> str:
    """Return ``text`` if it is a URL with scheme http or https; the host may be empty.

    Raises:
        AppcError: unparsable (``bad URL: …``) or another scheme.
    """
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise AppcError(f"bad URL: parse {quote(text)}: net/url: invalid control character in URL")
    if text.startswith(":"):
        raise AppcError(f"bad URL: parse {quote(text)}: missing protocol scheme")
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in ("http", "https"):
        raise AppcError("bad URL scheme, must be http/https")
    address = rest.partition("#")[0].partition("?")[0]
    for part in address.split("%")[1:]:
        if len(part) < 2 or part[:2].strip(_HEX):
            escape = quote("%" + part[:2])
            raise AppcError(f"bad URL: parse {quote(text)}: invalid URL escape {escape}")
    host = address[2:].partition("/")[0] if address.startswith("//") else ""
    port = host.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    if " " in host or port.strip("0123456789"):
        raise AppcError(f"bad URL: parse {quote(text)}: invalid host or port")
    return text
