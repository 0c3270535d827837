"""Images that this host's units and ``.pod`` files name: ``image gc`` leaves them alone.

A unit that is stopped, or whose turn comes once a month, has no pod that would keep its image; one
that has it by ID could never get it back. Enabled or not is not asked: people and timers start
units, too. What an argument of a unit happens to be called counts as named.
"""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.generator import disk, ini
from rktpy.generator.names import SUFFIX
from rktpy.generator.words import split
from rktpy.image.fetch import fetch_one
from rktpy.image.reference import Kind, parse_reference
from rktpy.verbs.fetching import means_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rktpy.image.means import Means
    from rktpy.store.images import ImageStore
    from rktpy.verbs.site import Site

UNITS = (*disk.UNITS, "/run/systemd/transient")
_KINDS = (Kind.HASH, Kind.NAME, Kind.URL, Kind.DOCKER)  # a file is there by itself
_QUOTES = "\"'`;()&|"  # of shells, around words of a script


def declared_images(
    site: Site,
    store: ImageStore,
    *,
    units: Sequence[str] = UNITS,
    pods: Sequence[str] = disk.SOURCES,
) -> frozenset[str]:
    """Return the keys of all images that a file in ``units`` or ``pods`` names, with those that
    they are built on.

    Raises:
        RktError: a file may not be read, so nobody knows.
    """
    words = {word for text in _texts(units, ".service") for word in _of_unit(text)}
    words |= {word for text in _texts(pods, SUFFIX) for word in _of_pod(text)}
    means = means_of(site, "never")
    found: set[str] = set()
    for word in words:
        found |= _keys(store, word, means)
    return frozenset(found)


def _texts(directories: Sequence[str], suffix: str) -> Iterator[str]:
    """Yield what is in the files of ``directories`` and in their drop-ins."""
    for directory in directories:
        for name in _names(directory):
            if name.endswith(suffix):
                yield _text(f"{directory}/{name}")
            elif name.endswith(f"{suffix}.d"):
                for drop_in in _names(f"{directory}/{name}"):
                    if drop_in.endswith(".conf"):
                        yield _text(f"{directory}/{name}/{drop_in}")


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except PermissionError as error:
        raise _unreadable(directory) from error
    except OSError:
        return []  # it is not there, or no directory


def _text(path: str) -> str:
    # What is no regular file, or endless, is none for systemd or the generator either.
    text = disk.text_of(path, [])
    if not text and os.path.exists(path) and not os.access(path, os.R_OK):
        raise _unreadable(path)
    return text


def _unreadable(path: str) -> RktError:
    return RktError(f"cannot read {quote(path)}, which may name images", hint="be root")


def _of_unit(text: str) -> Iterator[str]:
    """Yield the words of the lines that start rktpy, also those of a script in one of them."""
    if "rkt" not in text:
        return
    for section in ini.read((("", text),), []).values():
        for entry in section.entries:
            if entry.key.startswith("Exec") and "rkt" in entry.value:
                for word in _words(entry.value):
                    yield word
                    yield from (part.strip(_QUOTES) for part in word.split())


def _of_pod(text: str) -> Iterator[str]:
    for section in ini.read((("", text),), []).values():
        for entry in section.entries:
            if entry.key == "Image":
                yield entry.value.replace("%%", "%")


def _words(line: str) -> list[str]:
    try:
        words = split(line)
    except RktError:
        words = line.split()  # systemd will refuse it, or knows a newer escape
    return [word.replace("%%", "%").replace("$$", "$") for word in words]


def _keys(store: ImageStore, word: str, means: Means) -> set[str]:
    if not word or word[0] in "-/+":
        return set()
    try:
        ref = parse_reference(word)
        if ref.kind not in _KINDS:
            return set()
        key = store.resolve(word) if ref.kind == Kind.HASH else fetch_one(store, ref, means)
    except RktError:
        return set()  # it is not stored, or no name of an image
    try:
        return {key, *(part.key for part in store.parts(key))}
    except RktError:
        return {key}  # what it is built on is not there
