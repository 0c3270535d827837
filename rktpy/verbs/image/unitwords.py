"""What words of a unit may come to when it starts: specifiers and variables filled in. Pure.

Of a variable that is set several times every value counts, whichever wins: who asks wants to miss
nothing. What no file tells, such as the instance of a template, stands as ``UNKNOWN`` in the word.
Sources: systemd.unit(5) "Specifiers", systemd.service(5) "Command lines", systemd.exec(5)
"EnvironmentFile=".
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.generator.file.words import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Values = Mapping[str, frozenset[str]]

UNKNOWN = "\0"  # part of no word
_MOST = 64  # alternatives of one word; beyond that it is unknown
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_DIRECTORIES = {"t": "/run", "S": "/var/lib", "C": "/var/cache", "L": "/var/log", "E": "/etc"}


def specifiers_of(unit: str) -> dict[str, str]:
    """Return what specifiers mean in the unit of this file name; others are not known from files.

    The instance of a template is left out: it is whatever somebody starts.
    """
    whole = unit.rpartition(".")[0]
    prefix, at, instance = whole.partition("@")
    found = {"p": prefix, "P": _unescaped(prefix), "j": prefix.rpartition("-")[2],
             "%": "%", "v": os.uname().release, "H": os.uname().nodename,
             "l": os.uname().nodename.partition(".")[0], **_DIRECTORIES}  # fmt: skip
    found["J"] = _unescaped(found["j"])
    if not at or instance:
        found |= {"n": unit, "N": whole, "i": instance, "I": _unescaped(instance)}
    return found


def expanded(text: str, specifiers: Mapping[str, str]) -> str:
    """Return ``text`` with its specifiers filled in."""
    if "%" not in text:
        return text
    first, *parts = text.split("%")
    found, at = [first], 0
    while at < len(parts):
        part = parts[at]
        if part:
            found.append(specifiers.get(part[0], UNKNOWN) + part[1:])
        else:  # two in a row: one, and what follows
            found.append("%" + (parts[at + 1] if at + 1 < len(parts) else ""))
            at += 1
        at += 1
    return "".join(found)


def assignments(text: str) -> Iterator[tuple[str, str]]:
    """Yield names and values of a value of ``Environment=``."""
    for word in words_of(text):
        name, equals, value = word.partition("=")
        if equals:
            yield name, value


def of_file(text: str) -> Iterator[tuple[str, str]]:
    """Yield names and values of a file that ``EnvironmentFile=`` names."""
    for line in text.replace("\\\n", "").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name[:1] not in "#;":
            yield name.strip(), " ".join(words_of(value))


def words_of(text: str) -> list[str]:
    """Return the words of ``text``; also of one that systemd refuses, or of a newer systemd."""
    try:
        return split(text)
    except RktError:
        return text.split()


def alternatives(word: str, values: Values) -> Iterable[str]:
    """Return all that the word of a command line may become; a variable that no file sets is
    unknown. One that is a word by itself, without braces, may become several."""
    if word[:1] == "$" and word[1:2] != "$" and word[1:] and _NAME.issuperset(word[1:]):
        return {each for value in values.get(word[1:], {UNKNOWN}) for each in words_of(value)}
    found = {""}
    for literal, name in _pieces(word):
        parts = values.get(name, {UNKNOWN}) if name else {literal}
        found = {before + part for before in found for part in parts}
        if len(found) > _MOST:
            return {UNKNOWN}
    return found


def in_script(word: str, values: Values) -> Iterable[str]:
    """Return what a word of a shell's script may become, as far as its variables are the unit's."""
    found = {word}
    for name, given in values.items():
        for spelled in (f"${{{name}}}", f"${name}"):
            if any(spelled in each for each in found) and len(found) <= _MOST:
                found = {each.replace(spelled, value) for each in found for value in given}
    return found


def _pieces(word: str) -> Iterator[tuple[str, str]]:
    """Yield text and "", or "" and the name of a variable, in the order of ``word``."""
    at = 0
    while (dollar := word.find("$", at)) >= 0:
        yield word[at:dollar], ""
        end = word.find("}", dollar)
        if word[dollar + 1 : dollar + 2] == "{" and end > 0:
            yield "", word[dollar + 2 : end]
            at = end + 1
        else:  # doubled, or one that systemd leaves alone
            yield "$", ""
            at = dollar + 1 + (word[dollar + 1 : dollar + 2] == "$")
    yield word[at:], ""


def _unescaped(text: str) -> str:
    """Return ``text`` as systemd-escape --unescape does."""
    first, *parts = text.replace("-", "/").split("\\x")
    found = first
    for part in parts:
        try:
            found += chr(int(part[:2], 16)) + part[2:]
        except ValueError:
            found += "\\x" + part
    return found
