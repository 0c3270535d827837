"""Reads JSON objects with Go's habits: keys match whatever their case, ``null`` means absent,
a wrong type is an error, unknown keys are kept aside. Every list and string is bounded.
"""

from __future__ import annotations

from rktpy import codec
from rktpy.appc.errors import AppcError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn, TypeVar

    T = TypeVar("T")

IMAGE_KIND = "ImageManifest"
POD_KIND = "PodManifest"

MAX_LIST = 10_000  # entries of any list but a path white list
MAX_PATHS = 500_000  # entries of a path white list: a squashed distribution has 100 000 files
MAX_TEXT = 1 << 20  # characters of one string; the kernel takes 128 KiB per argument
MAX_PATH = 4096  # PATH_MAX


def read_document(source: bytes | str, what: str) -> object:
    """Return the JSON value in ``source``; ``what`` names the document in errors.

    Raises:
        AppcError: not JSON; its cause is the ``CodecError`` that knows the place.
    """
    try:
        return codec.parse(source, what=what)
    except codec.CodecError as error:
        raise AppcError(f"cannot read {what}") from error


class FrozenMap(dict[str, object]):
    """A mapping that cannot change and can be hashed, for fields of frozen values."""

    __slots__ = ()

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("this mapping is frozen")

    __setitem__ = __delitem__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
    __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self))  # the values may hold lists


NOTHING = FrozenMap()


class _Written(tuple[object, ...]):
    """An empty list that stood in the document as ``[]``; equal to ``()``, which is ``null``.

    Go tells the two apart when it writes a list that is always there, and so do clients of the
    metadata service.
    """

    __slots__ = ()


WRITTEN_EMPTY = _Written()


class Keys:
    """The keys one kind of object knows."""

    __slots__ = ("exact", "folded")

    def __init__(self, *names: str) -> None:
        self.exact = frozenset(names)
        self.folded = {name.casefold(): name for name in names}

    def read(self, value: object, what: str) -> tuple[Mapping[str, object], FrozenMap]:
        """Return the object ``value`` with its known keys spelled right, and its unknown ones.

        A key spelled exactly wins over one that differs in case; among the latter the last.
        ``None`` is an empty object, as in Go. ``what`` names the object in errors.
        """
        if value is None:
            return NOTHING, NOTHING
        if not isinstance(value, dict):
            wrong_type(what, "an object", value)
        if value.keys() <= self.exact:
            return value, NOTHING
        known: dict[str, object] = {}
        unknown: dict[str, object] = {}
        for key, item in value.items():
            name = key if key in self.exact else self.folded.get(key.casefold())
            if name is None:
                unknown[key] = item
            elif name == key or name not in value:
                known[name] = item
        if len(unknown) > MAX_LIST:
            too_many(what, MAX_LIST)
        return known, FrozenMap(unknown) if unknown else NOTHING


def check_kind(kind: str, wanted: str) -> None:
    """Raise unless ``kind``, the ``acKind`` of a document, is ``wanted``."""
    if not kind:
        raise AppcError("ACKind must be set")
    if kind not in (IMAGE_KIND, POD_KIND):
        raise AppcError(f"bad ACKind: {kind}")
    if kind != wanted:
        raise AppcError(f"missing or bad ACKind (must be {codec.quote(wanted)})")


def wrong_type(what: str, wanted: str, value: object) -> NoReturn:
    """Raise: ``what`` must be ``wanted``, but ``value`` is something else."""
    raise AppcError(f"{what} must be {wanted}, got {_kind(value)}")


def too_many(what: str, limit: int) -> NoReturn:
    """Raise: the list ``what`` is longer than ``limit``."""
    raise AppcError(f"{what} has more than {limit} entries")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, (list, tuple)) else "an object"


def text(fields: Mapping[str, object], key: str) -> str:
    """Return the string at ``key``; absent and ``null`` are empty."""
    value = fields.get(key)
    if value is None:
        return ""
    return check_text(value, key)


def check_text(value: object, what: str) -> str:
    """Return ``value`` if it is a string of a sensible length."""
    if not isinstance(value, str):
        wrong_type(what, "a string", value)
    if len(value) > MAX_TEXT:
        raise AppcError(f"{what} is longer than {MAX_TEXT} characters")
    return value


def process_text(fields: Mapping[str, object], key: str) -> str:
    """Return the string at ``key`` for use as argument, path or user: no NUL can be in it."""
    value = text(fields, key)
    refuse_nul(value, key)
    return value


def refuse_nul(value: str, what: str) -> None:
    """Raise if ``value`` holds a NUL, which no path, argument or variable can."""
    if "\0" in value:
        raise AppcError(f"{what} must not contain a NUL character")


def flag(fields: Mapping[str, object], key: str) -> bool | None:
    """Return the boolean at ``key``, None if absent."""
    value = fields.get(key)
    if value is not None and not isinstance(value, bool):
        wrong_type(key, "a boolean", value)
    return value


def whole(fields: Mapping[str, object], key: str) -> int | None:
    """Return the integer at ``key``, None if absent; it fits 64 bits."""
    value = fields.get(key)
    return None if value is None else check_whole(value, key)


def natural(fields: Mapping[str, object], key: str) -> int | None:
    """Return the integer at ``key``, which must not be negative; None if absent."""
    value = whole(fields, key)
    if value is not None and value < 0:
        raise AppcError(f"{key} must not be negative, got {value}")
    return value


def check_whole(value: object, what: str) -> int:
    """Return ``value`` if it is an integer of 64 bits; ``1.0`` and ``1e3`` are not, as in Go."""
    if isinstance(value, bool) or not isinstance(value, int):
        if isinstance(value, float):
            raise AppcError(f"{what} must be an integer, got {codec.compact(value)}")
        wrong_type(what, "an integer", value)
    if not -(1 << 63) <= value < 1 << 63:
        raise AppcError(f"{what} is too large")
    return value


def items(
    fields: Mapping[str, object], key: str, build: Callable[[object], T], *, limit: int = MAX_LIST
) -> tuple[T, ...]:
    """Return the list at ``key`` with ``build`` applied to each entry."""
    value = fields.get(key)
    if not value:
        if value is None:
            return ()
        if isinstance(value, list):
            return WRITTEN_EMPTY  # type: ignore[return-value]
    if not isinstance(value, list):
        wrong_type(key, "a list", value)
    if len(value) > limit:
        too_many(key, limit)
    return tuple([build(item) for item in value])


def texts(fields: Mapping[str, object], key: str, *, limit: int = MAX_LIST) -> tuple[str, ...]:
    """Return the list of strings at ``key``; a ``null`` entry is empty, as in Go."""

    def build(item: object) -> str:
        return "" if item is None else check_text(item, key)

    return items(fields, key, build, limit=limit)


def table(fields: Mapping[str, object], key: str) -> FrozenMap:
    """Return the mapping of strings at ``key``."""
    value = fields.get(key)
    return NOTHING if value is None else check_table(value, key)


def check_table(value: object, what: str) -> FrozenMap:
    """Return ``value`` if it is an object of strings."""
    if not isinstance(value, dict):
        wrong_type(what, "an object", value)
    if len(value) > MAX_LIST:
        too_many(what, MAX_LIST)
    return FrozenMap(
        {name: "" if v is None else check_text(v, f"{what}.{name}") for name, v in value.items()}
    )


def put_list(
    target: dict[str, object],
    key: str,
    values: tuple[T, ...],
    write: Callable[[T], object],
    *,
    always: bool = False,
) -> None:
    """Write ``values`` at ``key`` as Go does: left out if empty, or with ``always`` as ``null``."""
    if values:
        target[key] = [write(value) for value in values]
    elif always:
        target[key] = [] if isinstance(values, _Written) else None


def plain(value: T) -> T:
    """Return ``value``: what ``put_list`` wants for lists of strings or numbers."""
    return value


def put_table(target: dict[str, object], key: str, values: Mapping[str, object]) -> None:
    """Write the mapping ``values`` at ``key`` with sorted names, unless it is empty."""
    if values:
        target[key] = dict(sorted(values.items()))
