"""JSON in and out as rkt's Go code reads and writes it; pure, nothing here opens a file.

``import json`` brings ``re`` and ``enum`` along and costs 15 ms, so a successful parse goes
straight to the C scanner the standard library is built on; only a syntax error imports
``json``. Strict on the way in (no ``NaN``, nothing after the value, bounded depth and count),
Go's spelling on the way out (``<``, ``>`` and ``&`` escaped, a lone surrogate becomes U+FFFD).
"""

from __future__ import annotations

from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

MAX_DEPTH = 100  # levels of lists and objects; the deepest manifest in the wild has seven
MAX_ITEMS = 1_000_000  # opening brackets plus commas, so that 16 MiB of text stay 16 MiB-ish

_BLANK = " \t\n\r"


class CodecError(RktError):
    """Text that is not JSON, or JSON beyond the bounds above.

    ``line`` and ``column`` count from 1; both are 0 where no position makes sense.
    """

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class Float(float):
    """A number with a fraction or exponent that remembers how it was written.

    Isolator values are echoed as typed, and ``1.10`` or ``1e400`` do not survive a ``float``.
    """

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Float:
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse(text: bytes | str, *, what: str = "JSON") -> Any:
    """Return the one JSON value in ``text``; of a repeated key the last value counts.

    ``what`` names the document in errors (``image manifest``).

    Raises:
        CodecError: not UTF-8, not JSON, something after the value, or too deep or too large.
    """
    source = _decode(text, what)
    opened = source.count("[") + source.count("{")
    if opened + source.count(",") > MAX_ITEMS:
        raise CodecError(f"{what} has more than {MAX_ITEMS} items")
    start = len(source) - len(source.lstrip(_BLANK))
    try:
        value, end = _SCAN(source, start)
    except RecursionError:
        raise CodecError(f"{what} is nested more than {MAX_DEPTH} levels deep") from None
    except (StopIteration, ValueError, SystemError):
        _explain(source, start, what)
    rest = source[end:].lstrip(_BLANK)
    if rest:
        _refuse(source, len(source) - len(rest), "after top-level value", what)
    if opened > MAX_DEPTH:
        _check_depth(value, what)
    if "\\ud" in source or "\\uD" in source:
        value = _without_surrogates(value)
    return value


def compact(value: object) -> str:
    """Return ``value`` as JSON without spaces, keys in their own order.

    Raises:
        CodecError: it holds something JSON has no word for, or is nested too deep.
    """
    out: list[str] = []
    _write(value, out.append, None, 0)
    return _escape("".join(out))


def pretty(value: object) -> str:
    """Return ``value`` as JSON with one tab per level and ``"key": value``.

    Raises:
        CodecError: as ``compact``.
    """
    out: list[str] = []
    _write(value, out.append, "\n", 0)
    return _escape("".join(out))


def repeated_keys(text: bytes | str, *, what: str = "JSON") -> tuple[str, ...]:
    """Return the keys written more than once in one object, for a warning; slow path only.

    Raises:
        CodecError: as ``parse``, which should have been called first.
    """
    import json

    found: dict[str, None] = {}

    def note(pairs: list[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for key, _value in pairs:
            if key in seen:
                found[key] = None
            seen.add(key)

    source = _decode(text, what)
    try:
        json.loads(source, object_pairs_hook=note)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"{what} is not JSON") from error
    return tuple(found)


def quote(text: str) -> str:
    """Return ``text`` in double quotes with Go's escapes (``%q``), for error texts."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_ESCAPES.get(char) or _go_escape(char) for char in text) + '"'


_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f",
    "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip


def _go_escape(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _decode(text: bytes | str, what: str) -> str:
    try:
        if isinstance(text, str):
            if not text.isascii():
                text.encode()  # a path or argument may carry undecodable bytes as surrogates
            return text
        return text.decode()
    except UnicodeError:
        raise CodecError(f"{what} is not UTF-8 text") from None


def _constant(word: str) -> NoReturn:
    raise ValueError(word)  # NaN and Infinity are JavaScript, not JSON


class _Context:
    """What the C scanner reads its settings from."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = Float
    parse_int = int
    parse_constant = staticmethod(_constant)


def _scanner() -> Callable[[str, int], tuple[Any, int]]:
    try:
        from _json import make_scanner
    except ImportError:  # an interpreter without the accelerator
        import json

        return json.JSONDecoder(parse_float=Float, parse_constant=_constant).scan_once  # type: ignore[no-any-return, attr-defined]
    return make_scanner(_Context())  # type: ignore[arg-type]


_SCAN = _scanner()

try:
    from _json import encode_basestring as _string
except ImportError:
    from json.encoder import encode_basestring as _string


def _check_depth(value: object, what: str) -> None:
    level = [value] if type(value) in (dict, list) else []
    for _depth in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)  # type: ignore[attr-defined]
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return
    raise CodecError(f"{what} is nested more than {MAX_DEPTH} levels deep")


def _without_surrogates(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if kind is list:
        return [_without_surrogates(item) for item in value]
    if kind is dict:
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


def _escape(text: str) -> str:
    """Escape what Go escapes; outside of strings none of these can occur."""
    for char, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        if char in text:
            text = text.replace(char, escape)
    if not text.isascii():
        text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text


def _write(value: object, put: Callable[[str], None], newline: str | None, depth: int) -> None:
    if isinstance(value, str):
        put(_string(value))
    elif value is None:
        put("null")
    elif value is True or value is False:
        put("true" if value else "false")
    elif isinstance(value, (dict, list, tuple)):
        _write_container(value, put, newline, depth)
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, float):
        put(_number(value))
    else:
        raise CodecError(f"a {type(value).__name__} cannot be written as JSON")


def _write_container(
    value: dict[str, object] | list[object] | tuple[object, ...],
    put: Callable[[str], None],
    newline: str | None,
    depth: int,
) -> None:
    if depth >= MAX_DEPTH:
        raise CodecError(f"a value nested more than {MAX_DEPTH} levels deep cannot be written")
    is_object = isinstance(value, dict)
    if not value:
        put("{}" if is_object else "[]")
        return
    inner = None if newline is None else newline + "\t"
    put("{" if is_object else "[")
    separator = inner or ""
    following = "," + separator
    if isinstance(value, dict):
        colon = ":" if newline is None else ": "
        for key, item in value.items():
            put(separator + _string(key) + colon)
            _write(item, put, inner, depth + 1)
            separator = following
    else:
        for item in value:
            put(separator)
            _write(item, put, inner, depth + 1)
            separator = following
    put((newline or "") + ("}" if is_object else "]"))


def _number(value: float) -> str:
    if isinstance(value, Float):
        return value.text
    if value != value or value in (float("inf"), float("-inf")):
        raise CodecError(f"the number {value!r} cannot be written as JSON")
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _explain(source: str, start: int, what: str) -> NoReturn:
    """Scan again to learn what is wrong, and raise the error a user sees.

    Before Python 3.13 the C scanner fails with a bare ``SystemError`` unless ``json.decoder``
    has been imported, so the first failure says nothing.
    """
    import json

    try:
        json.JSONDecoder(parse_float=Float, parse_constant=_constant).raw_decode(source, start)
    except json.JSONDecodeError as error:
        reason = next((r for p, r in _REASONS if error.msg.startswith(p)), error.msg.lower())
        _refuse(source, error.pos, reason, what, cause=error)
    except ValueError as error:
        text = "a number is too long" if "digits" in str(error) else f"{error} is not a JSON value"
        raise CodecError(f"invalid {what}: {text}") from None
    raise AssertionError("the scanner refused what the decoder accepts")


_REASONS = (
    ("Expecting value", "looking for beginning of value"),
    ("Expecting ',' delimiter", "after object key:value pair or array element"),
    ("Expecting ':' delimiter", "after object key"),
    ("Expecting property name", "looking for beginning of object key string"),
    ("Illegal trailing comma", "looking for beginning of value"),
    ("Invalid control character", "in string literal"),
    ("Invalid \\uXXXX", "in \\u hexadecimal character escape"),
    ("Invalid \\escape", "in string escape code"),
)


def _refuse(
    source: str, position: int, reason: str, what: str, *, cause: BaseException | None = None
) -> NoReturn:
    """Raise with the place named. rkt prints the line and a caret too; ours is one line."""
    unterminated = isinstance(cause, ValueError) and "Unterminated" in str(cause)
    if unterminated or position >= len(source.rstrip(_BLANK)):
        position, text = len(source), "unexpected end of JSON input"
    else:
        char = source[position]
        text = f"invalid character {_quote_char(char)} {reason}"
    before = source.rfind("\n", 0, position) + 1
    line, column = source.count("\n", 0, position) + 1, position - before + 1
    message = f"invalid {what}: line {line}, column {column}: {text}"
    raise CodecError(message, line=line, column=column) from None


def _quote_char(char: str) -> str:
    return "'\\''" if char == "'" else "'" + quote(char)[1:-1].replace('\\"', '"') + "'"
