"""Distribution points: ``cimd:TYPE:v=0:DATA[?QUERY]``, rkt's one form for all kinds of images.

aci-archive        an escaped URL: file, http or https; its name need not end in .aci
appc               an image name; its labels are the query
docker             a docker reference as people type it
oci-image-layout   an escaped file URL of an OCI layout, a directory or an archive; a ?ref=TAG.
                   rkt only reserved the word
(rkt: pkg/distribution, Documentation/proposals/distribution-point.md)
"""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from rktpy.appc.names import ImageName, display_order
from rktpy.appc.types import ACIdentifier, Label
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.image.reference import (
    ImageRef,
    ImageReferenceError,
    Kind,
    docker,
    file_path,
    layered_file,
)


def parse_point(text: str) -> ImageRef:
    """Return the image that the distribution point ``text`` names.

    Raises:
        ImageReferenceError: it is none, of another version than 0, or of a type nobody knows.
    """
    fields = text.split(":", 3)
    if len(fields) < 4:
        whole = f"malformed distribution uri {quote(text)}"
        raise ImageReferenceError(f"{whole}: malformed distribution uri: {quote(text)}")
    _scheme, kind, version, data = fields
    number = version.removeprefix("v=")
    if not (number.isascii() and number.isdecimal()):
        raise ImageReferenceError(f"malformed distribution version: {version}")
    if number.strip("0"):
        raise ImageReferenceError(f"unsupported distribution version: {version}", hint="say v=0")
    if kind == "aci-archive":
        return _archive(text, data)
    if kind == "appc":
        return _name(text, data)
    if kind == "docker":
        return docker(text, data)
    if kind == "oci-image-layout":
        return _layout(text, data)
    raise ImageReferenceError(f"unknown distribution type: {quote(kind)}")


def _archive(text: str, data: str) -> ImageRef:
    url = unquote_plus(data.partition("?")[0])
    try:
        scheme = urlsplit(url).scheme
    except ValueError as error:
        raise ImageReferenceError(f"malformed distribution uri {quote(text)}: {error}") from None
    if scheme == "file":
        return ImageRef(Kind.FILE, text, path=file_path(url))
    if scheme in ("http", "https"):
        return ImageRef(Kind.URL, text, url=url)
    raise ImageReferenceError(
        f"an unsupported URL scheme {quote(scheme)} - the only URL schemes supported by rkt for an"
        " archive are http, https and file"
    )


def _layout(text: str, data: str) -> ImageRef:
    url, _, query = data.partition("?")
    plain = unquote_plus(url)
    path = file_path(plain) if plain.startswith("file:") else ""
    if not path.startswith("/"):
        raise ImageReferenceError(
            f"malformed distribution uri {quote(text)}: an OCI layout is a file URL",
            hint="cimd:oci-image-layout:v=0:file%3A%2F%2F%2FDIRECTORY?ref=TAG",
        )
    tag = dict(parse_qsl(query)[::-1]).get("ref", "")  # said twice: the first counts
    kind = Kind.OCI_ARCHIVE if os.path.isfile(path) else Kind.OCI
    return layered_file(kind, text, path, tag)


def _name(text: str, data: str) -> ImageRef:
    """rkt wrote the name escaped and could not read that back; both forms will do."""
    name, _, query = data.partition("?")
    labels: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        labels.setdefault(key, value)
    try:
        found = [Label(ACIdentifier(key), value) for key, value in labels.items()]
        return ImageRef(
            Kind.NAME, text, name=ImageName(ACIdentifier(unquote(name)), display_order(found))
        )
    except RktError as error:
        raise ImageReferenceError(f"wrong appc image string {quote(data)}") from error
