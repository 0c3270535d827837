"""What a user typed for an image → what kind of thing it names. Pure but for one look at a file.

The order of the rules is rkt's (rkt: rkt/image/common.go, distribution.go); see
``parse_reference`` for the list.
"""

from __future__ import annotations

import os

from rktpy.appc.names import ImageName
from rktpy.appc.types import ImageID
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.value import Value

_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")


class ImageReferenceError(RktError):
    """The text names no image."""


class Kind:
    """What an image argument is."""

    HASH = "hash"
    FILE = "file"
    URL = "url"  # http or https
    DOCKER = "docker"
    OCI = "oci"  # a directory with an OCI layout
    OCI_ARCHIVE = "oci-archive"  # one in a tar archive
    DOCKER_ARCHIVE = "docker-archive"  # what docker save writes
    LAYERED_FILES = (OCI, OCI_ARCHIVE, DOCKER_ARCHIVE)
    NAME = "name"


class ImageRef(Value):
    """An image argument, understood. ``text`` is what was typed, for messages.

    ``path`` is absolute and set for files, ``url`` for URLs and whatever has layers, ``tag`` for
    images named in a file of several, ``name`` for names, without the defaults for ``os`` and
    ``arch``.
    """

    kind: str
    text: str
    path: str = ""
    url: str = ""
    name: ImageName | None = None
    tag: str = ""


def parse_reference(text: str) -> ImageRef:
    """Return what ``text`` names: a hash; a file (absolute, existing, with ``./`` or ending in
    ``.aci``, or ``file://``); a URL; ``docker:``; ``oci:``, ``oci-archive:`` or
    ``docker-archive:``, a path and maybe ``:TAG``; ``cimd:``; else a name.

    Raises:
        ImageReferenceError: it is none of them.
    """
    if _is_hash(text):
        return ImageRef(Kind.HASH, text)
    scheme = _scheme(text)
    if scheme in ("file", "http", "https"):
        return _archive(text, text)
    if scheme == "docker":
        return docker(text, text.partition(":")[2])
    if scheme in Kind.LAYERED_FILES:
        path, tag = _path_and_tag(text)
        return layered_file(scheme, text, path, tag)
    if scheme == "cimd":
        from rktpy.image.distribution import parse_point  # rare

        return parse_point(text)
    if not scheme and _looks_like_path(text):
        return _archive(text, "file://" + os.path.abspath(text))
    return _name(text)


def _is_hash(text: str) -> bool:
    try:
        ImageID.parse(text)
    except RktError:
        return False
    return True


def _scheme(text: str) -> str:
    """Return the URL scheme of ``text``, lower case, as Go's parser finds it; "" for none.

    Raises:
        ImageReferenceError: a colon in a place where a URL cannot have one.
    """
    for position, char in enumerate(text):
        if char == ":" and position:
            return text[:position].lower()
        if char not in _SCHEME or (not position and not char.isalpha()):
            break
    first = text.split("/", 1)[0]
    if ":" in first:
        reason = "missing protocol scheme" if text[0] == ":" else "colon in first path segment"
        raise ImageReferenceError(f"failed to parse image url {quote(text)}: {reason}")
    return ""


def _looks_like_path(text: str) -> bool:
    if text.startswith("/") or os.path.isfile(text):
        return True
    return ":" not in text and ("./" in text or text.endswith(".aci"))


def _archive(text: str, url: str) -> ImageRef:
    if text != url:
        plain = path = url.removeprefix("file://")
    else:
        plain = url.partition("#")[0].partition("?")[0]
        path = file_path(url) if _scheme(url) == "file" else ""
    if not plain.endswith(".aci"):
        raise ImageReferenceError(
            f"invalid image string {quote(url)}", hint="the name of an image file ends in .aci"
        )
    return ImageRef(Kind.FILE, text, path=path) if path else ImageRef(Kind.URL, text, url=url)


def file_path(url: str) -> str:
    """Return the path that a ``file:`` URL names, its escapes undone."""
    plain = url.partition(":")[2].partition("#")[0].partition("?")[0]
    path = _unescape(plain.removeprefix("//"))
    return path.removeprefix("localhost") if path.startswith("localhost/") else path


def _unescape(path: str) -> str:
    if "%" not in path:
        return path
    from urllib.parse import unquote_to_bytes  # cold: escaped file URLs only

    found = unquote_to_bytes(os.fsencode(path))
    if b"\0" in found:
        raise ImageReferenceError(f"{quote(path)} is not a path: it has a NUL in it")
    return os.fsdecode(found)


def docker(text: str, reference: str) -> ImageRef:
    """Return the docker image ``reference``, for which ``text`` was typed."""
    reference = reference.removeprefix("//")
    if not reference or reference.startswith("/"):
        raise ImageReferenceError(f"invalid image string {quote(text)}")
    return ImageRef(Kind.DOCKER, text, url="docker://" + reference)


def _path_and_tag(text: str) -> tuple[str, str]:
    """Return both parts of ``oci:PATH[:TAG]``; a path that is there may have colons."""
    path = text.partition(":")[2]
    tag = ""
    if not os.path.exists(path):
        path, _, tag = path.partition(":")
    if not path:
        raise ImageReferenceError(f"invalid image string {quote(text)}")
    return path, tag


def layered_file(kind: str, text: str, path: str, tag: str) -> ImageRef:
    """Return the image ``tag``, "" for the only one, of a layout or archive on this host."""
    path = os.path.abspath(path)
    return ImageRef(kind, text, path=path, url=f"{kind}:{path}:{tag}", tag=tag)


def _name(text: str) -> ImageRef:
    try:
        return ImageRef(Kind.NAME, text, name=ImageName.parse(text))
    except RktError as error:
        raise ImageReferenceError(f"invalid image string {quote(text)}") from error
