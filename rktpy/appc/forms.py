"""The string forms of the command line: ``NAME,key=value,…`` lists, booleans and integers.

A comma always separates and everything after the first ``=`` is literal. Texts are those of
the appc library and of Go's ``strconv``.
"""

from __future__ import annotations

from rktpy.appc.errors import AppcError
from rktpy.codec import quote

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


def pairs(text: str) -> dict[str, str]:
    """Return the ``key=value`` elements of ``text``, each key once.

    Raises:
        AppcError: an element without ``=``, or a key given twice.
    """
    found: dict[str, list[str]] = {}
    for element in text.split(","):
        key, equals, value = element.partition("=")
        if not equals:
            raise AppcError(
                f"malformed string {quote(text)} - has a label without a value: {element}"
            )
        found.setdefault(key, []).append(value)
    for key, values in found.items():
        if len(values) > 1:
            listed = " ".join(map(quote, values))
            raise AppcError(f"label {key} with multiple values [{listed}]")
    return {key: values[0] for key, values in found.items()}


def parse_bool(text: str) -> bool:
    """Return the boolean ``text`` spells, by Go's rules (``1 t T TRUE true True`` and so on)."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise AppcError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def parse_int(text: str) -> int:
    """Return the decimal integer ``text`` spells; a sign is allowed, blanks and ``_`` are not."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise AppcError(f"strconv.Atoi: parsing {quote(text)}: invalid syntax")
    if len(digits) > 40 or not -(1 << 63) <= int(text) < 1 << 63:
        raise AppcError(f"strconv.Atoi: parsing {quote(text)}: value out of range")
    return int(text)


def parse_port_number(text: str) -> int:
    """Return the 16-bit number ``text`` spells, without a sign."""
    if not (text.isascii() and text.isdigit()):
        raise AppcError(f"strconv.ParseUint: parsing {quote(text)}: invalid syntax")
    if len(text) > 40 or int(text) > 65535:
        raise AppcError(f"strconv.ParseUint: parsing {quote(text)}: value out of range")
    return int(text)
