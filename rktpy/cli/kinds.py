"""Text of an option -> typed value. Reasons of refusal read as Go's ``strconv`` and ``time``.

kind              value in ``Call.options``
bool              bool
string            str
int               int (decimal, 0x, 0 octal)
strings           tuple of str, one per occurrence
duration          int, nanoseconds
dir               str, absolute path
optional-string   str
insecure          ``verbs.site.Insecure``
net               tuple of str, one per occurrence, checked together (rkt-cli 10.2)
env               tuple of (name, value), names unique
format            "", "json" or "json-pretty"
wait              int nanoseconds: 0 do not wait, -1 for ever
pairs             tuple of (name, value), one per occurrence
bool-text         bool; the value must be given
int-list          tuple of int
word-list         tuple of str, split at commas
stage1            str; one of a group of options that exclude each other
stream            str; one of the option's words
"""

from __future__ import annotations

import os

from rktpy.cli.output import HOUR, MINUTE, SECOND, quote
from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from rktpy.cli.spec import Option

    # What an option was worth before: its own kind made it, so the kind knows the type.
    Earlier: TypeAlias = Any

TRUE = ("1", "t", "T", "TRUE", "true", "True")
FALSE = ("0", "f", "F", "FALSE", "false", "False")

_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6}
_UNITS |= {"s": SECOND, "m": MINUTE, "h": HOUR}
_INT64 = 1 << 63


class BadValueError(RktError):
    """The text is no value of its kind; the message is the reason alone."""


def parse(option: Option, text: str, previous: object) -> object:
    """Return the typed value of ``text``; ``previous`` came from earlier occurrences, or ``None``.

    Raises:
        BadValueError: the text is no such value.
        RktError: the option's own check refused it.
    """
    value = _PARSERS[option.kind](option, text, previous)
    if option.check:
        _run_check(option.check, text)
    return value


def empty(option: Option) -> object:
    """Return the value of an option that was not given."""
    if option.default != "":
        return option.default
    return _EMPTY.get(option.kind, "")


def is_true(text: str | None) -> bool:
    """Whether an environment variable holds one of Go's words for true."""
    return text in TRUE


def parse_bool(text: str) -> bool:
    """Read one of Go's twelve spellings of a truth value."""
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise BadValueError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def parse_int(text: str) -> int:
    """Read a 64 bit integer as C writes it: ``10``, ``0xa``, ``012``."""
    body = text[1:] if text[:1] in ("+", "-") else text
    base = 10
    if body[:2] in ("0x", "0X"):
        base, digits = 16, body[2:]
    elif body[:1] == "0" and len(body) > 1:
        base, digits = 8, body[1:]
    else:
        digits = body
    allowed = "0123456789abcdef"[:base]
    if not digits or any(digit not in allowed for digit in digits.lower()):
        raise BadValueError(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax")
    # A limit before int(): thousands of digits would cost seconds.
    value = int(digits, base) if len(digits) < 80 else _INT64
    if text[:1] == "-":
        value = -value
    if not -_INT64 <= value < _INT64:
        raise BadValueError(f"strconv.ParseInt: parsing {quote(text)}: value out of range")
    return value


def parse_duration(text: str) -> int:
    """Read a Go duration (``1h30m``, ``1.5s``, ``0``) as nanoseconds."""
    wrong = BadValueError(f"time: invalid duration {text}")
    sign = -1 if text[:1] == "-" else 1
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest:
        raise wrong
    total = 0
    while rest:
        number, rest = _span(rest, "0123456789.")
        if number.count(".") > 1 or number in ("", "."):
            raise wrong
        unit, rest = _unit(rest)
        if not unit:
            raise BadValueError(f"time: missing unit in duration {text}")
        if unit not in _UNITS:
            raise BadValueError(f"time: unknown unit {unit} in duration {text}")
        whole, _, fraction = number.partition(".")
        if len(whole) > 19:
            raise wrong
        scale = _UNITS[unit]
        fraction = fraction[:18]
        total += int(whole or "0") * scale + int(fraction or "0") * scale // 10 ** len(fraction)
    if total >= _INT64:
        raise wrong
    return sign * total


def _span(text: str, chars: str) -> tuple[str, str]:
    end = len(text) - len(text.lstrip(chars))
    return text[:end], text[end:]


def _unit(text: str) -> tuple[str, str]:
    for end, char in enumerate(text):
        if char == "." or char in "0123456789":
            return text[:end], text[end:]
    return text, ""


def _bool(_option: Option, text: str, _previous: object) -> bool:
    return parse_bool(text)


def _string(option: Option, text: str, previous: object) -> str:
    if option.once and previous is not None:
        raise BadValueError(f"--{option.name} specified multiple times for the same image")
    return text


def _stream(option: Option, text: str, _previous: object) -> str:
    if text not in option.complete:
        raise BadValueError(f"invalid {option.name} mode {quote(text)}")
    return text


def _int(_option: Option, text: str, _previous: object) -> int:
    return parse_int(text)


def _strings(_option: Option, text: str, previous: Earlier) -> tuple[str, ...]:
    return (*(previous or ()), text)


def _duration(_option: Option, text: str, _previous: object) -> int:
    return parse_duration(text)


def _dir(_option: Option, text: str, _previous: object) -> str:
    if not text:
        raise BadValueError('"" is not a valid directory')
    return os.path.abspath(text)


def _insecure(_option: Option, text: str, _previous: object) -> object:
    from rktpy.verbs.site import Insecure

    return Insecure.parse(text)


def _env(_option: Option, text: str, previous: Earlier) -> tuple[tuple[str, str], ...]:
    key, equals, value = text.partition("=")
    if not equals:
        raise BadValueError("must be specified as key=value")
    if any(key == known for known, _ in previous or ()):
        raise BadValueError(f"key {quote(key)} already set")
    return (*(previous or ()), (key, value))


def _pairs(option: Option, text: str, previous: Earlier) -> tuple[tuple[str, str], ...]:
    key, equals, value = text.partition("=")
    if not equals:
        raise BadValueError(f"invalid format of --{option.name} flag {quote(text)}")
    return (*(previous or ()), (key, value))


def _format(_option: Option, text: str, _previous: object) -> str:
    if text not in ("", "json", "json-pretty"):
        raise BadValueError(f"Invalid format option: {text}")
    return text


def _wait(_option: Option, text: str, _previous: object) -> int:
    if text == "" or text in TRUE:
        return -1
    if text in FALSE:
        return 0
    return parse_duration(text)


def _bool_text(option: Option, text: str, _previous: object) -> bool:
    if text not in TRUE + FALSE:
        raise BadValueError(f"--{option.name} must be set with a boolean")
    return text in TRUE


def _int_list(option: Option, text: str, previous: Earlier) -> tuple[int, ...]:
    try:
        return (*(previous or ()), *(_plain_int(part) for part in text.split(",")))
    except ValueError:
        raise BadValueError(f"--{option.name} must be integers") from None


def _plain_int(text: str) -> int:
    body = text[1:] if text[:1] in ("+", "-") else text
    if not (body.isascii() and body.isdigit() and len(body) < 20):
        raise ValueError(text)
    return int(text)


def _word_list(_option: Option, text: str, previous: Earlier) -> tuple[str, ...]:
    return (*(previous or ()), *text.split(","))


def _net(_option: Option, text: str, previous: Earlier) -> tuple[str, ...]:
    from rktpy.net.netlist import parse_netlist

    values: tuple[str, ...] = (*(previous or ()), text)
    parse_netlist(values)
    return values


def _run_check(where: str, text: str) -> None:
    module, _, name = where.partition(":")
    target: Any = __import__(module, fromlist=["*"])
    for part in name.split("."):
        target = getattr(target, part)
    target(text)


_PARSERS: dict[str, Callable[[Option, str, Earlier], object]] = {
    "bool": _bool,
    "string": _string,
    "stage1": _string,
    "stream": _stream,
    "int": _int,
    "strings": _strings,
    "duration": _duration,
    "dir": _dir,
    "optional-string": _string,
    "insecure": _insecure,
    "net": _net,
    "env": _env,
    "format": _format,
    "wait": _wait,
    "pairs": _pairs,
    "bool-text": _bool_text,
    "int-list": _int_list,
    "word-list": _word_list,
}

_EMPTY: dict[str, object] = {
    "bool": False,
    "int": 0,
    "duration": 0,
    "wait": 0,
    "bool-text": False,
    **dict.fromkeys(("strings", "net", "env", "pairs", "int-list", "word-list"), ()),
}
