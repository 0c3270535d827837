"""Frozen value types without the import cost of ``dataclasses``.

``import dataclasses`` pulls ``inspect`` and costs 20 ms, more than the rest of a warm
``rktpy list`` (docs/adr/0002-start-up.md). ``Value`` gives the part we use: fields from
annotations, keyword or positional construction, equality, hashing and ``replace``.
It refuses to grow converters, ordering or generated ``repr`` options.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self, dataclass_transform
else:

    def dataclass_transform(**_options: object):  # noqa: ANN201 - checkers see typing's own
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class _ValueType(type):
    """Turns annotations into slots, and class-level defaults into constructor defaults."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> _ValueType:
        own = tuple(
            field
            for field, kind in namespace.get("__annotations__", {}).items()
            if not str(kind).startswith("ClassVar")
        )
        defaults = {field: namespace.pop(field) for field in own if field in namespace}
        namespace.setdefault("__slots__", own)
        cls = super().__new__(mcs, name, bases, namespace, **options)
        inherited = [base for base in bases if isinstance(base, _ValueType)]
        cls._fields_ = tuple(f for base in inherited for f in base._fields_) + own
        cls._defaults_ = {k: v for base in inherited for k, v in base._defaults_.items()} | defaults
        return cls

    _fields_: tuple[str, ...]
    _defaults_: dict[str, Any]


class Value(metaclass=_ValueType):
    """Base of frozen records: ``class Point(Value): x: int; y: int = 0``.

    A subclass may define ``check(self)``; it runs last in the constructor and raises to
    refuse the value, so that an existing value is a valid one.
    """

    __slots__ = ()

    if not TYPE_CHECKING:

        def __init__(self, *args: object, **kwargs: object) -> None:
            cls = type(self)
            fields = cls._fields_
            if len(args) > len(fields):
                raise TypeError(f"{cls.__name__} takes {len(fields)} values, got {len(args)}")
            put = object.__setattr__
            for field, value in zip(fields, args, strict=False):
                put(self, field, value)
            defaults = cls._defaults_
            for field in fields[len(args) :]:
                if field in kwargs:
                    put(self, field, kwargs.pop(field))
                elif field in defaults:
                    put(self, field, defaults[field])
                else:
                    raise TypeError(f"{cls.__name__} needs {field!r}")
            if kwargs:
                raise TypeError(f"{cls.__name__} has no {next(iter(kwargs))!r}")
            self.check()

    def check(self) -> None:
        """Raise if the values do not belong together."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed; the copy is checked again."""
        values = {field: getattr(self, field) for field in type(self)._fields_}
        return type(self)(**(values | changes))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, f) == getattr(other, f) for f in type(self)._fields_)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, f) for f in type(self)._fields_))

    def __repr__(self) -> str:
        inner = ", ".join(f"{f}={getattr(self, f)!r}" for f in type(self)._fields_)
        return f"{type(self).__name__}({inner})"
