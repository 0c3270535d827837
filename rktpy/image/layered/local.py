"""Images of layers on this host: OCI layouts, as directories or archives, and ``docker save``.

<directory>/oci-layout                  {"imageLayoutVersion": "1.0.0"}
<directory>/index.json                  an index: which images there are, by their names
<directory>/blobs/<algorithm>/<hex>     manifests, configurations and layers

docker's archives have a ``manifest.json`` instead, which names files freely; what they hold is
checked against the digests of the configuration.
"""

from __future__ import annotations

import hashlib
import posixpath

from rktpy import codec
from rktpy.codec import quote
from rktpy.image.layered.blobs import checked, read_blob
from rktpy.image.layered.config import Content, Identity, parse_config
from rktpy.image.layered.documents import (
    CONFIG_LIMIT,
    MANIFEST_LIMIT,
    MAX_LAYERS,
    MAX_NESTING,
    Descriptor,
    Index,
    LayeredImageError,
    choose,
    parse_document,
    parse_object,
)
from rktpy.image.layered.names import RegistryNameError, is_digest, is_tag, parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from rktpy.image.layered.blobs import Blobs
    from rktpy.image.reference import ImageRef

    class Files(Protocol):
        """Files by their names. Positions are not shared with anybody."""

        def pieces(self, name: str) -> Iterator[bytes]: ...


_REF_NAME = "org.opencontainers.image.ref.name"
_FULL_NAME = "io.containerd.image.name"


class LayoutBlobs:
    """The blobs of an OCI layout."""

    __slots__ = ("_files",)

    def __init__(self, files: Files) -> None:
        self._files = files

    def stream(self, blob: Descriptor) -> Iterator[bytes]:
        """See ``blobs.Blobs``."""
        return checked(self._files.pieces("blobs/" + blob.digest.replace(":", "/")), blob)

    def rest(self) -> None:
        """See ``blobs.Blobs``."""


class SavedBlobs:
    """The layers of an archive of docker's, by their diff IDs, which whoever unwraps checks."""

    __slots__ = ("_files", "_names")

    def __init__(self, files: Files, names: dict[str, str]) -> None:
        self._files = files
        self._names = names

    def stream(self, blob: Descriptor) -> Iterator[bytes]:
        """See ``blobs.Blobs``."""
        return self._files.pieces(self._names[blob.digest])

    def rest(self) -> None:
        """See ``blobs.Blobs``."""


def read_layout(
    files: Files, ref: ImageRef, platform: tuple[str, str, str]
) -> tuple[Content, Blobs]:
    """Return the image that ``ref`` means in an OCI layout.

    Raises:
        LayeredImageError: it is not there or damaged, or several may be meant.
    """
    version = parse_object(_read(files, "oci-layout", 1 << 16), "oci-layout")
    if version.get("imageLayoutVersion") != "1.0.0":
        raise LayeredImageError("oci-layout is not of version 1.0.0")
    index = parse_document(_read(files, "index.json", MANIFEST_LIMIT), "")
    if not isinstance(index, Index):
        raise LayeredImageError("index.json is not an index")
    blobs = LayoutBlobs(files)
    chosen = named = _select(index, ref, platform)
    for _level in range(MAX_NESTING):
        found = parse_document(read_blob(blobs, chosen, MANIFEST_LIMIT), chosen.media_type)
        if not isinstance(found, Index):
            config = read_blob(blobs, found.config, CONFIG_LIMIT)
            full = named.annotation(_FULL_NAME) or named.annotation(_REF_NAME)
            identity = _identity(ref, full).replace(
                config_digest=found.config.digest,
                manifest_digest=chosen.digest,
                annotations=found.annotations,
            )
            return Content(config, found.layers, identity), blobs
        chosen = choose(found, platform)
    raise LayeredImageError(f"more than {MAX_NESTING} indexes in one another")


def read_saved(files: Files, ref: ImageRef) -> tuple[Content, Blobs]:
    """Return the image that ``ref`` means in an archive of ``docker save``; errors as above."""
    entries = codec.parse(_read(files, "manifest.json", MANIFEST_LIMIT), what="manifest.json")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise LayeredImageError("manifest.json is not a list of images")
    wanted = {ref.tag, _expanded(ref.tag)}
    tags = [_tags(entry.get("RepoTags")) for entry in entries]
    found = [
        (entry, names)
        for entry, names in zip(entries, tags, strict=True)
        if not ref.tag or wanted.intersection((*names, *map(_expanded, names)))
    ]
    if len(found) != 1:
        raise _several(ref, sorted(name for names in tags for name in names), len(found))
    entry, names = found[0]
    config_name, layers = entry.get("Config"), entry.get("Layers")
    if (
        not isinstance(config_name, str)
        or not isinstance(layers, list)
        or not all(isinstance(layer, str) for layer in layers)
        or not 1 <= len(layers) <= MAX_LAYERS
    ):
        raise LayeredImageError("manifest.json does not say what the image is made of")
    config = _read(files, config_name, CONFIG_LIMIT)
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    said = "sha256:" + posixpath.basename(config_name).removesuffix(".json")
    if is_digest(said) and said != digest:
        raise LayeredImageError(f"{said} has the digest {digest}")
    diff_ids = parse_config(config).diff_ids
    if len(diff_ids) != len(layers) or not all(map(is_digest, diff_ids)):
        raise LayeredImageError("manifest.json has other layers than the image configuration")
    identity = _identity(ref, ref.tag or (names[0] if names else ""))
    content = Content(
        config,
        tuple(Descriptor("", diff_id, 0) for diff_id in diff_ids),
        # Such an archive has no manifest; its configuration says as much.
        identity.replace(config_digest=digest, manifest_digest=digest),
    )
    return content, SavedBlobs(files, dict(zip(diff_ids, layers, strict=True)))


def _tags(said: object) -> list[str]:
    """Return the names of an image in docker's list, which may have none (null)."""
    return [tag for tag in said if isinstance(tag, str)] if isinstance(said, list) else []


def _select(index: Index, ref: ImageRef, platform: tuple[str, str, str]) -> Descriptor:
    """Return the entry of ``index.json`` that ``ref`` names; without a name the only one."""
    wanted = {ref.tag, _expanded(ref.tag)}
    found = [
        entry
        for entry in index.entries
        if not ref.tag
        or wanted.intersection(
            (entry.annotation(_REF_NAME), entry.annotation(_FULL_NAME), entry.digest)
        )
    ]
    if len(found) > 1 and all(entry.platform for entry in found):
        return choose(Index(tuple(found)), platform)
    if len(found) != 1:
        names = sorted(filter(None, (entry.annotation(_REF_NAME) for entry in index.entries)))
        raise _several(ref, names, len(found))
    return found[0]


def _several(ref: ImageRef, names: list[str], count: int) -> LayeredImageError:
    hint = f"there are: {', '.join(names[:20])}" if names else None
    if count:
        return LayeredImageError("several images found", hint=hint)
    return LayeredImageError(f"image {quote(ref.tag)} not found", hint=hint)


def _identity(ref: ImageRef, full: str) -> Identity:
    """Return how the image is called: by its full name if it has one, else by its file."""
    for text in (ref.tag, full):
        try:
            name = parse_name(text)
        except RegistryNameError:
            continue
        if "/" in text and text.partition("/")[0] in (name.registry, "docker.io"):
            return Identity(
                f"{name.registry}/{name.repository}",
                *(name.tag, ref.text, name.repository, "", "", ""),
            )
    base = posixpath.basename(ref.path.rstrip("/"))
    stem = base.partition(".")[0] or base
    tag = ref.tag or full.rpartition(":")[2]
    return Identity(stem, tag if is_tag(tag) else "", ref.text, stem, "", "", "")


def _expanded(text: str) -> str:
    """Return the whole name that ``text`` is short for, "" if it is no name."""
    try:
        return str(parse_name(text)) if text else ""
    except RegistryNameError:
        return ""


def _read(files: Files, name: str, limit: int) -> bytes:
    found = bytearray()
    for piece in files.pieces(name):
        found += piece
        if len(found) > limit:
            raise LayeredImageError(f"{name} is larger than {limit} bytes")
    return bytes(found)
