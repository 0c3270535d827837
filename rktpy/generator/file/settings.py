"""One section read by the table of keys: values, problems, and options for ``run``. Pure."""

from __future__ import annotations

from rktpy.generator.file.keys import LIST, ONE, WORDS, YES, ungated
from rktpy.generator.file.words import WordError, check_specifiers, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.generator.file.ini import Entry, Problem, Section
    from rktpy.generator.file.keys import Key

TRUE = frozenset(("1", "yes", "y", "true", "t", "on"))
FALSE = frozenset(("0", "no", "n", "false", "f", "off"))


class Settings:
    """The values of one section; ``section`` is None where a file has no such section.

    Problems go to the list given, each once and with the line it is about.
    """

    __slots__ = ("_found", "_keys", "section")

    def __init__(
        self, section: Section | None, keys: Mapping[str, Key], problems: list[Problem]
    ) -> None:
        self.section = section
        self._keys = keys
        self._found: dict[str, list[tuple[str, Entry]]] = {}
        for entry in section.entries if section else ():
            try:
                self._add(entry, keys)
            except WordError as error:
                problems.append(entry.problem(f"{entry.key}=: {error.message}"))

    def _add(self, entry: Entry, keys: Mapping[str, Key]) -> None:
        key = keys.get(entry.key)
        if key is None:
            if entry.key.startswith(("X-", "x-")):
                return  # systemd.unit(5): for other programs
            from rktpy.generator.file.hints import about_key  # nobody needs it where all is well

            raise WordError(f"there is no such key{about_key(entry.key, keys)}")
        check_specifiers(entry.value)
        if not entry.value:
            self._found.pop(entry.key, None)
            return
        values = _values(key, entry.value)
        if key.words and entry.value not in key.words:
            raise WordError(f"{entry.value} is none of: {', '.join(key.words)}")
        found = [(value, entry) for value in values]
        if key.kind in (LIST, WORDS):
            self._found.setdefault(entry.key, []).extend(found)
        else:
            self._found[entry.key] = found

    def one(self, name: str, default: str = "") -> str:
        """Return the value of ``name``, which may stand once."""
        found = self._found.get(name)
        return found[0][0] if found else default

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values of ``name`` in their order."""
        return tuple(value for value, _ in self._found.get(name, ()))

    def entry(self, name: str) -> Entry | None:
        """Return the assignment that counts for ``name``, the last of several."""
        found = self._found.get(name)
        return found[-1][1] if found else None

    def options(self, keys: Mapping[str, Key]) -> tuple[str, ...]:
        """Return ``--option=value`` of all that ``keys`` name, in the order of their lines."""
        return tuple(
            ungated(f"--{keys[name].option}={value}")
            for name, found in self._found.items()
            if name in keys
            for value, _ in found
        )


def _values(key: Key, text: str) -> list[str]:
    if key.kind == WORDS:
        return split(text)
    if key.kind == YES:
        word = text.lower()
        if word not in TRUE | FALSE:
            raise WordError(f"{text} is neither yes nor no")
        return ["true" if word in TRUE else "false"]
    assert key.kind in (ONE, LIST)  # noqa: S101 - the table has no other
    return [text]
