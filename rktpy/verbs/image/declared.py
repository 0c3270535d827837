"""Images that this host's units and ``.pod`` files name: ``image gc`` leaves them alone.

A unit that is stopped, or whose turn comes once a month, has no pod that would keep its image; one
that has it by ID could never get it back. Enabled or not is not asked: people and timers start
units, too. What an argument of a unit happens to be called counts as named. Where a variable or a
specifier cannot be known, all that the word may mean stays, and the unit is told.
"""

from __future__ import annotations

import glob
import os

from rktpy import log
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.generator import disk
from rktpy.generator.file import ini
from rktpy.generator.file.names import SUFFIX
from rktpy.image.fetch import fetch_one
from rktpy.image.reference import Kind, parse_reference
from rktpy.verbs.image.fetching import means_of
from rktpy.verbs.image.unitwords import (
    UNKNOWN,
    alternatives,
    assignments,
    expanded,
    in_script,
    of_file,
    specifiers_of,
    words_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rktpy.generator.file.ini import Entry
    from rktpy.image.means import Means
    from rktpy.store.images import ImageStore
    from rktpy.verbs.image.unitwords import Values
    from rktpy.verbs.site import Site

UNITS = (*disk.UNITS, "/run/systemd/transient")
_KINDS = (Kind.HASH, Kind.NAME, Kind.URL, Kind.DOCKER)  # a file is there by itself
_QUOTES = "\"'`;()&|"  # of shells, around words of a script
_TAKE_IMAGES = frozenset(("run", "prepare", "fetch"))
_logger = log.Logger("gc")


def declared_images(
    site: Site,
    store: ImageStore,
    *,
    units: Sequence[str] = UNITS,
    pods: Sequence[str] = disk.SOURCES,
) -> frozenset[str]:
    """Return the keys of all images that a file in ``units`` or ``pods`` names, with those that
    they are built on. What cannot be known is told on stderr.

    Raises:
        RktError: a file may not be read, so nobody knows.
    """
    words: set[str] = set()
    for unit, texts in _by_name(units, ".service").items():
        words |= _told(unit, set(_of_unit(texts, specifiers_of(unit))))
    for file, texts in _by_name(pods, SUFFIX).items():
        words |= _told(file, set(_of_pod(texts, specifiers_of(file))))
    means = means_of(site, "never")
    found: set[str] = set()
    for word in words:
        keys = _like(store, word) if UNKNOWN in word else {_key(store, word, means)}
        for key in keys - {""}:
            found |= _with_parts(store, key)
    return frozenset(found)


def _told(file: str, words: set[str]) -> set[str]:
    for word in sorted(word for word in words if UNKNOWN in word):
        shown = quote(word.replace(UNKNOWN, "…"))
        _logger.warning("%s: no file tells which image %s is; all that it may be stay", file, shown)
    return words


def _by_name(directories: Sequence[str], suffix: str) -> dict[str, list[str]]:
    """Return the texts of each unit: files of its name, drop-ins, those of its template."""
    found: dict[str, list[str]] = {}
    for name, text in _texts(directories, suffix):
        found.setdefault(name, []).append(text)
    for name, texts in found.items():
        prefix, at, instance = name.removesuffix(suffix).partition("@")
        if instance:
            texts += found.get(f"{prefix}{at}{suffix}", ())
    return found


def _texts(directories: Sequence[str], suffix: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of the files in ``directories`` and of their drop-ins."""
    for directory in directories:
        for name in _names(directory):
            if name.endswith(suffix):
                yield name, _text(f"{directory}/{name}")
            elif name.endswith(f"{suffix}.d"):
                for drop_in in _names(f"{directory}/{name}"):
                    if drop_in.endswith(".conf"):
                        yield name[:-2], _text(f"{directory}/{name}/{drop_in}")


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except PermissionError as error:
        raise _unreadable(directory) from error
    except OSError:
        return []  # it is not there, or no directory


def _text(path: str) -> str:
    # What is not a regular file, or endless, is none for systemd or the generator either.
    text = disk.text_of(path, [])
    if not text and os.path.exists(path) and not os.access(path, os.R_OK):
        raise _unreadable(path)
    return text


def _unreadable(path: str) -> RktError:
    return RktError(f"cannot read {quote(path)}, which may name images", hint="be root")


def _entries(texts: Iterable[str]) -> list[Entry]:
    return [
        entry
        for text in texts
        for section in ini.read((("", text),), []).values()
        for entry in section.entries
    ]


def _of_unit(texts: Sequence[str], specifiers: Mapping[str, str]) -> Iterator[str]:
    """Yield the words of the lines that start rktpy, also those of a script in one of them."""
    if not any("rkt" in text for text in texts):
        return
    entries = _entries(texts)
    values = _variables(entries, specifiers)
    for entry in entries:
        if entry.key.startswith("Exec") and "rkt" in entry.value:
            yield from _of_line(words_of(entry.value), specifiers, values)


def _of_line(words: list[str], specifiers: Mapping[str, str], values: Values) -> Iterator[str]:
    found = [
        each for word in words for each in alternatives(expanded(word, specifiers), values) if each
    ]
    yield from _named(found)
    for each in found:
        if _is_script(each):
            yield from _named(
                [one.strip(_QUOTES) for part in each.split() for one in in_script(part, values)]
            )


def _named(words: Sequence[str]) -> Iterator[str]:
    """Yield those of ``words`` that are known, and those that may be images of a command that
    takes some."""
    takes_images = not _TAKE_IMAGES.isdisjoint(words)
    arguments = False  # of an image, from -- to ---
    for word in words:
        arguments = word == "--" or (arguments and word != "---")
        may_be_image = takes_images and not arguments and word[:1] not in "-/+"
        if UNKNOWN not in word or (may_be_image and not _is_script(word)):
            yield word


def _is_script(word: str) -> bool:
    return len(word.split()) > 1


def _variables(entries: Iterable[Entry], specifiers: Mapping[str, str]) -> Values:
    """Return every value that the unit may give to its variables."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        pairs: Iterable[tuple[str, str]] = ()
        if entry.key == "Environment":
            pairs = assignments(expanded(entry.value, specifiers))
        elif entry.key == "EnvironmentFile":
            path = expanded(entry.value.removeprefix("-"), specifiers).replace(UNKNOWN, "*")
            pairs = [pair for file in sorted(glob.glob(path)) for pair in of_file(_text(file))]
        for name, value in pairs:
            found.setdefault(name, set()).add(value)
    return {name: frozenset(values) for name, values in found.items()}


def _of_pod(texts: Sequence[str], specifiers: Mapping[str, str]) -> Iterator[str]:
    for entry in _entries(texts):
        if entry.key == "Image":
            yield expanded(entry.value, specifiers)


def _key(store: ImageStore, word: str, means: Means) -> str:
    """Return the key of the stored image that ``word`` names, "" for none."""
    if not word or word[0] in "-/+":
        return ""
    try:
        ref = parse_reference(word)
        if ref.kind not in _KINDS:
            return ""
        return store.resolve(word) if ref.kind == Kind.HASH else fetch_one(store, ref, means)
    except RktError:
        return ""  # it is not stored, or no name of an image


def _like(store: ImageStore, word: str) -> set[str]:
    """Return the keys of all images that ``word`` may name, as far as it is known."""
    known = word.partition(UNKNOWN)[0]
    scheme, _, rest = known.rpartition("://")
    last = rest.rpartition("/")[2]
    name = last.partition("@")[0].partition(":")[0].partition(",")[0]
    found = set()
    for image in store.images():
        own = str(image.name)
        if name != last:  # only the version is unknown
            like = own.rpartition("/")[2] == name
        else:
            like = bool(scheme) or not rest or rest.startswith("sha512-") or own.startswith(rest)
        if like:
            found.add(image.key)
    return found


def _with_parts(store: ImageStore, key: str) -> set[str]:
    try:
        return {key, *(part.key for part in store.parts(key))}
    except RktError:
        return {key}  # what it is built on is not there
