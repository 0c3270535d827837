"""Amounts of memory, processor time and bandwidth: ``16Mi``, ``500m``, ``1.5G``, ``2e3``.

Exact: an amount is an integer number of billionths, rounded away from zero when parsed.
"""

from __future__ import annotations

from rktpy import codec
from rktpy.appc.errors import AppcError
from rktpy.value import Value

_NANO = 10**9
_LARGEST_BINARY = (2**63 - 1) * _NANO
_LARGEST_EXPONENT = 30  # of ten; beyond it nothing that is counted in bytes or cores is meant
_LONGEST = 128  # characters

_PATTERN = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_DIGITS = "0123456789"
_LETTERS = "eEinumkKMGTP"

_DECIMAL = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {exponent: suffix for suffix, exponent in _BINARY.items()}


class Style:
    """How a quantity was written, and so how it is written again."""

    DECIMAL = "DecimalSI"
    BINARY = "BinarySI"
    EXPONENT = "DecimalExponent"


class Quantity(Value):
    """An exact amount: ``nano`` billionths of the unit, written in ``style``."""

    nano: int
    style: str = Style.DECIMAL

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """Return the amount ``text`` spells.

        ``K`` counts as ``k``: the specification lists it and the reference code forgot it.

        Raises:
            AppcError: not of the form number and suffix, an unknown suffix, or absurdly large.
        """
        negative, whole, fraction, suffix = _split(text)
        base, exponent, style = _interpret(suffix)
        if base == 10:
            shift = min(exponent, _LARGEST_EXPONENT + 1) + 9 - len(fraction)
            numerator = int(whole + fraction)
            if shift < -2 * _LONGEST:
                shift = -2 * _LONGEST  # smaller than any amount: rounds up to one billionth
            if exponent > _LARGEST_EXPONENT and numerator:
                raise AppcError(f"quantity {codec.quote(text)} is too large")
            nano = _divide_up(numerator * 10 ** max(shift, 0), 10 ** max(-shift, 0))
        else:
            nano = _divide_up(int(whole + fraction) * _NANO << exponent, 10 ** len(fraction))
            nano = min(nano, _LARGEST_BINARY)
            if 0 < nano < _NANO:
                style = Style.DECIMAL
        return cls(-nano if negative else nano, style)

    @classmethod
    def from_json(cls, value: object) -> Quantity | None:
        """Return the amount of a JSON number or string; ``null`` is None.

        Raises:
            AppcError: as ``parse``, or another type.
        """
        if value is None:
            return None
        if isinstance(value, str):
            return cls.parse(value.strip(" \t\n\r\v\f"))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise AppcError(f"quantities must match the regular expression '{_PATTERN}'")
        return cls.parse(codec.compact(value))

    @classmethod
    def of(cls, amount: int, style: str = Style.DECIMAL) -> Quantity:
        """Return ``amount`` whole units."""
        return cls(amount * _NANO, style)

    def integer(self) -> int:
        """Return the amount in whole units, rounded up (``300m`` is 1)."""
        return -(-self.nano // _NANO)

    def milli(self) -> int:
        """Return the amount in thousandths, rounded up."""
        return -(-self.nano // 1_000_000)

    def __str__(self) -> str:
        """The canonical text: the largest suffix that leaves no fraction."""
        if not self.nano:
            return "0"
        if self.style == Style.BINARY and abs(self.nano) >= 1024 * _NANO:
            amount, fraction = divmod(self.nano, _NANO)
            if not fraction:
                return _binary_text(amount)
        number, exponent = self.nano, -9
        highest = 18 if self.style != Style.EXPONENT else 3 * _LONGEST
        while exponent < highest and number % 1000 == 0:
            number //= 1000
            exponent += 3
        if self.style == Style.EXPONENT:
            return f"{number}e{exponent}" if exponent else str(number)
        return f"{number}{_DECIMAL_SUFFIX[exponent]}"


def _split(text: str) -> tuple[bool, str, str, str]:
    """Return sign, whole digits, fraction digits and suffix."""
    body = text[1:] if text[:1] in ("+", "-") else text
    unsigned = body.lstrip(_DIGITS)
    whole = body[: len(body) - len(unsigned)]
    fraction = ""
    dot = unsigned.startswith(".")
    if dot:
        after = unsigned[1:].lstrip(_DIGITS)
        fraction = unsigned[1 : len(unsigned) - len(after)]
        unsigned = after
    digits = unsigned.lstrip(_LETTERS)
    if digits[:1] in ("+", "-"):
        digits = digits[1:]
    if digits.strip(_DIGITS) or not (whole or dot) or len(text) > _LONGEST:
        raise AppcError(f"quantities must match the regular expression '{_PATTERN}'")
    if not whole and not fraction:
        raise AppcError("unable to parse numeric part of quantity")
    return text.startswith("-"), whole or "0", fraction, unsigned


def _interpret(suffix: str) -> tuple[int, int, str]:
    """Return base, exponent and style of ``suffix``."""
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], Style.DECIMAL
    if suffix in _BINARY:
        return 2, _BINARY[suffix], Style.BINARY
    if suffix == "K":
        return 10, 3, Style.DECIMAL
    exponent = suffix[1:].removeprefix("-" if suffix[1:2] == "-" else "+")
    if suffix[0] in "eE" and exponent.isdigit():  # before a number; alone ``E`` is exa
        return 10, int(suffix[1:]), Style.EXPONENT
    raise AppcError("unable to parse quantity's suffix")


def _divide_up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _binary_text(amount: int) -> str:
    exponent = 0
    while exponent < 60 and amount % 1024 == 0:
        amount //= 1024
        exponent += 10
    return f"{amount}{_BINARY_SUFFIX.get(exponent, '')}"
