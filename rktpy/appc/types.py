"""The scalar types of the appc specification and the three kinds of name and value pair.

A name, once constructed, is valid. The reference library checks less than the regular
expressions of the specification (``a--b`` passes), and so does this: such images exist.
"""

from __future__ import annotations

from rktpy.appc.errors import AppcError as AppcError  # what callers of this module catch
from rktpy.appc.fields import NOTHING, FrozenMap, Keys, items, text
from rktpy.codec import quote
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import ClassVar, Self

_ALNUM = "abcdefghijklmnopqrstuvwxyz0123456789"
_HEX = "0123456789abcdef"


class _Name(str):
    """A string of an alphabet that begins and ends with a letter or digit."""

    __slots__ = ()

    kind: ClassVar[str]
    marks: ClassVar[str]  # allowed inside, beside letters and digits
    filler: ClassVar[str]  # what ``sanitise`` puts for a character that is not allowed
    longest: ClassVar[int]

    def __new__(cls, text: str) -> Self:
        if not text:
            raise AppcError(f"{cls.kind} cannot be empty")
        # Stripping the whole alphabet leaves something exactly if a foreign character is there.
        if text.strip(_ALNUM + cls.marks):
            raise AppcError(
                f"{cls.kind} must contain only lower case alphanumeric characters"
                f' plus "{cls.marks}"'
            )
        if text[0] in cls.marks or text[-1] in cls.marks:
            raise AppcError(
                f"{cls.kind} must start and end with only lower case alphanumeric characters"
            )
        if len(text) > cls.longest:
            raise AppcError(f"{cls.kind} is longer than {cls.longest} characters")
        return super().__new__(cls, text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return ``text`` as a name; the same as calling the type.

        Raises:
            AppcError: empty, a character outside the alphabet, or a mark at either end.
        """
        return cls(text)

    @classmethod
    def sanitise(cls, text: str) -> Self:
        """Return the name nearest to ``text``: lower case, foreign characters replaced.

        Raises:
            AppcError: nothing valid is left.
        """
        allowed = _ALNUM + cls.marks
        name = "".join(c if c in allowed else cls.filler for c in text.lower()).strip(cls.marks)
        if not name:
            raise AppcError("must contain at least one valid character")
        return cls(name)

    @classmethod
    def read(cls, fields: Mapping[str, object], key: str, *, lenient: bool = False) -> Self:
        """Return the name at ``key`` of a JSON object.

        With ``lenient`` an absent name is the empty string, as the reference library reads it
        (and refuses to write it again).
        """
        if lenient and fields.get(key) is None:
            return str.__new__(cls, "")
        return cls(text(fields, key))


class ACName(_Name):
    """Name of an app, volume, mount point or port (spec: ``[a-z0-9]+([-][a-z0-9]+)*``)."""

    __slots__ = ()

    kind = "ACName"
    marks = "-"
    filler = "-"
    longest = 255  # NAME_MAX: apps and empty volumes are directories


class ACIdentifier(_Name):
    """Name of an image, label, annotation or isolator; may hold ``-._~/`` inside.

    Never build a path from one without looking at each component: ``a/../b`` is valid.
    """

    __slots__ = ()

    kind = "ACIdentifier"
    marks = "-._~/"
    filler = "_"
    longest = 4096


def check_name(name: str, kind: type[_Name]) -> None:
    """Raise unless ``name`` is valid; one that already has the type ``kind`` is."""
    if type(name) is not kind:
        kind(name)


class ImageID(Value):
    """``sha512-<hex>``: the digest of an uncompressed image, or a beginning of it.

    The value is not checked to be hexadecimal (the specification's own example is
    ``sha512-...``); ``key`` does, for whoever turns it into a path.
    """

    hash_type: str
    value: str

    def check(self) -> None:
        if not self.hash_type:
            raise AppcError("unexpected empty hash type")
        if self.hash_type != "sha512":
            raise AppcError(f"unrecognized hash type: {self.hash_type}")
        if not self.value:
            raise AppcError("unexpected empty hash value")
        if len(self.value) > 1024:
            raise AppcError("hash value is longer than 1024 characters")

    @classmethod
    def parse(cls, text: str) -> ImageID:
        """Return the ID ``text`` spells.

        Raises:
            AppcError: not exactly one ``-``, another hash than sha512, or an empty value.
        """
        parts = text.split("-")
        if len(parts) != 2:
            raise AppcError("badly formatted hash string")
        return cls(parts[0], parts[1])

    @property
    def key(self) -> str:
        """The name in the store: ``sha512-`` and at most 64 lower-case hex digits.

        Raises:
            AppcError: the value is not hexadecimal.
        """
        value = self.value.lower()
        if value.strip(_HEX):
            raise AppcError(f"image ID {quote(str(self))} is not hexadecimal")
        return f"{self.hash_type}-{value[:64]}"

    def __str__(self) -> str:
        return f"{self.hash_type}-{self.value}"


_PAIR = Keys("name", "value")


class _Pair(Value):
    name: str
    value: str
    unknown: FrozenMap = NOTHING

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this pair."""
        found: dict[str, object] = {"name": self.name, "value": self.value}
        return found | self.unknown if keep_unknown else found


class Label(_Pair):
    """A label of an image: ``name`` is an identifier, ``value`` any string."""

    def check(self) -> None:
        check_name(self.name, ACIdentifier)

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> Label:
        """Return the label a JSON object describes."""
        fields, unknown = _PAIR.read(value, "label")
        return cls(
            ACIdentifier.read(fields, "name", lenient=lenient), text(fields, "value"), unknown
        )


class Annotation(_Pair):
    """An annotation: ``name`` is an identifier, ``value`` any string."""

    def check(self) -> None:
        check_name(self.name, ACIdentifier)

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> Annotation:
        """Return the annotation a JSON object describes."""
        fields, unknown = _PAIR.read(value, "annotation")
        return cls(
            ACIdentifier.read(fields, "name", lenient=lenient), text(fields, "value"), unknown
        )


class EnvironmentVariable(_Pair):
    """One variable of an app's environment."""

    def check(self) -> None:
        if not self.name:
            raise AppcError("environment variable name must not be empty")
        inside = _ALNUM + _ALNUM[:26].upper() + "_.-"
        if self.name[0] in "0123456789.-" or self.name.strip(inside):
            raise AppcError(
                f"environment variable does not have valid identifier {quote(self.name)}"
            )
        if "\0" in self.value:
            raise AppcError(f"environment variable {self.name} must not contain a NUL character")

    @classmethod
    def from_object(cls, value: object) -> EnvironmentVariable:
        """Return the variable a JSON object describes."""
        fields, unknown = _PAIR.read(value, "environment variable")
        return cls(text(fields, "name"), text(fields, "value"), unknown)


def find(pairs: Iterable[_Pair], name: str) -> str | None:
    """Return the value of the first pair called ``name``."""
    for pair in pairs:
        if pair.name == name:
            return pair.value
    return None


def refuse_duplicates(names: Iterable[str], text: str) -> None:
    """Raise ``text`` followed by the quoted name for the first name that occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise AppcError(f"{text} {quote(name)}")
        seen.add(name)


def read_annotations(
    fields: Mapping[str, object], key: str, *, lenient: bool = False
) -> tuple[Annotation, ...]:
    """Return the annotations at ``key`` of a JSON object, each checked by itself."""
    return items(fields, key, lambda item: Annotation.from_object(item, lenient=lenient))


def check_annotations(annotations: tuple[Annotation, ...]) -> None:
    """Raise if a name occurs twice or one of the well-known values is malformed."""
    if not annotations:
        return
    refuse_duplicates([a.name for a in annotations], "duplicate annotations of name")
    for annotation in annotations:
        if annotation.name in ("created", "homepage", "documentation"):
            from rktpy.appc.wellknown import check_annotation  # images have these, pods do not

            check_annotation(annotation.name, annotation.value)


def check_version(text: str) -> str:
    """Return ``text`` if it is a semantic version: ``MAJOR.MINOR.PATCH[-pre][+meta]``.

    Raises:
        AppcError: it is not, or it is 0.0.0 without a suffix.
    """
    core = text.partition("+")[0].partition("-")[0]
    numbers = core.split(".", 2)
    if len(numbers) != 3 or len(text) > 256:
        raise AppcError("SemVer is bad")
    for number in numbers:
        if not (number.isascii() and number.isdigit()) or int(number) >= 1 << 63:
            raise AppcError("SemVer is bad")
    if core == text and not any(map(int, numbers)):
        raise AppcError("SemVer cannot be zero")
    return text


def major_version(version: str) -> int:
    """Return the major of a checked version; above 0 it promises what nobody knows yet."""
    return int(version.partition(".")[0])


def parse_uuid(text: str) -> str:
    """Return the UUID ``text`` spells, with dashes anywhere, as lower-case 8-4-4-4-12.

    Raises:
        AppcError: not 32 hex digits, or all zero.
    """
    digits = text.replace("-", "").lower()
    if len(digits) != 32:
        raise AppcError("bad UUID length != 32")
    if digits.strip(_HEX):
        raise AppcError(f"bad UUID {quote(text)}: not hexadecimal")
    if not digits.strip("0"):
        raise AppcError("UUID cannot be empty")
    return format_uuid(bytes.fromhex(digits))


def format_uuid(raw: bytes) -> str:
    """Return the 16 bytes ``raw`` as lower-case 8-4-4-4-12."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
