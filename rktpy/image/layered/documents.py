"""The JSON documents that say what an image of layers is made of: manifests and indexes. Pure."""

from __future__ import annotations

from rktpy import codec
from rktpy.errors import RktError
from rktpy.image.layered.names import is_digest
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

MANIFEST_LIMIT = 4 << 20  # bytes
CONFIG_LIMIT = 8 << 20
MAX_LAYERS = 512
MAX_NESTING = 4  # indexes in indexes

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = (OCI_INDEX, DOCKER_LIST)
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
_ATTESTATION = "vnd.docker.reference.type"


class LayeredImageError(RktError):
    """An image of layers is damaged, or not one we can take."""


class Descriptor(Value):
    """Points to a document or a layer by its digest; ``size`` in bytes.

    ``platform`` is (os, architecture, variant) where an index says it.
    """

    media_type: str
    digest: str
    size: int
    platform: tuple[str, str, str] | None = None
    annotations: tuple[tuple[str, str], ...] = ()

    def annotation(self, name: str) -> str:
        """Return the value of an annotation, "" if it has none."""
        return dict(self.annotations).get(name, "")


class Manifest(Value):
    """One image: its configuration, and its layers with the base first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: tuple[tuple[str, str], ...] = ()


class Index(Value):
    """Several images to choose from."""

    entries: tuple[Descriptor, ...]


def parse_document(content: bytes, media_type: str = "") -> Manifest | Index:
    """Return the manifest or index in ``content``; ``media_type`` is what it was served as.

    Raises:
        LayeredImageError: neither, or not of an image we can take.
    """
    fields = parse_object(content, "the manifest")
    said = _text(fields, "mediaType")
    known = (*INDEXES, *MANIFESTS)
    if said and media_type in known and said != media_type:
        raise LayeredImageError(f"the manifest says it is {said} and was served as {media_type}")
    kind = said or (media_type if media_type in known else "")
    if fields.get("schemaVersion") == 1:
        raise LayeredImageError(
            "the image has a manifest of schema 1, which nothing vouches for",
            hint="push it again with a docker of this decade",
        )
    if kind in INDEXES or (not kind and "manifests" in fields):
        return Index(tuple(_descriptors(fields, "manifests")))
    if kind and kind not in MANIFESTS:
        raise LayeredImageError(f"{kind} is not an image")
    artifact = _text(fields, "artifactType")
    if artifact:
        raise LayeredImageError(f"this is not an image but {artifact}")
    config = _descriptor(fields.get("config"))
    if config.media_type not in _CONFIGS:
        raise LayeredImageError(f"this is not an image but {config.media_type}")
    layers = tuple(_descriptors(fields, "layers"))
    if not layers:
        raise LayeredImageError("the image has no layers")
    if len(layers) > MAX_LAYERS:
        raise LayeredImageError(f"the image has more than {MAX_LAYERS} layers")
    return Manifest(config, layers, _texts(fields, "annotations"))


def choose(index: Index, wanted: tuple[str, str, str]) -> Descriptor:
    """Return the entry for the platform ``wanted``: (os, architecture, variant) as Go has them.

    Raises:
        LayeredImageError: there is none; the text lists what there is.
    """
    entries = [e for e in index.entries if e.media_type in (*INDEXES, *MANIFESTS)]
    entries = [e for e in entries if not e.annotation(_ATTESTATION)]
    if len(entries) == 1 and entries[0].platform is None:
        return entries[0]
    ranked = [(_rank(e.platform, wanted), e) for e in entries if e.platform is not None]
    fitting = [(rank, e) for rank, e in ranked if rank >= 0]
    if fitting:
        return min(fitting, key=lambda pair: pair[0])[1]
    there = ", ".join("/".join(filter(None, e.platform)) for _rank_, e in ranked if e.platform)
    raise LayeredImageError(
        f"there is no image for {'/'.join(filter(None, wanted))}",
        hint=f"there are: {there}; choose with: rktpy fetch --platform" if there else None,
    )


def parse_object(content: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in ``content``.

    Raises:
        LayeredImageError: it is none.
    """
    try:
        found = codec.parse(content, what=what)
    except codec.CodecError as error:
        raise LayeredImageError(f"cannot read {what}") from error
    if not isinstance(found, dict):
        raise LayeredImageError(f"{what} is not a JSON object")
    return found


def _rank(found: tuple[str, str, str] | None, wanted: tuple[str, str, str]) -> int:
    """Return how well a platform fits, 0 best; -1 not at all. Variants go downwards."""
    if found is None or found[:2] != wanted[:2]:
        return -1
    order = {
        "arm64": ("v8", ""),
        "amd64": ("v1", ""),
        "arm": (*(v for v in ("v7", "v6", "v5") if not wanted[2] or v <= wanted[2]), ""),
    }.get(wanted[1], ("",))
    return order.index(found[2]) if found[2] in order else -1


def _descriptors(fields: Mapping[str, object], key: str) -> Iterable[Descriptor]:
    found = fields.get(key) or []
    if not isinstance(found, list):
        raise LayeredImageError(f"{key} of the manifest is not a list")
    return [_descriptor(value) for value in found]


def _descriptor(value: object) -> Descriptor:
    if not isinstance(value, dict):
        raise LayeredImageError("the manifest lacks a descriptor")
    digest, size = _text(value, "digest"), value.get("size")
    if not is_digest(digest):
        raise LayeredImageError(f"{codec.quote(digest)} is not a digest that can be checked")
    if type(size) is not int or not 0 <= size < 1 << 63:
        raise LayeredImageError(f"the manifest does not say how large {digest} is")
    platform = value.get("platform")
    triple = None
    if isinstance(platform, dict):
        triple = (
            _text(platform, "os"), _text(platform, "architecture"), _text(platform, "variant"),
        )  # fmt: skip
    return Descriptor(_text(value, "mediaType"), digest, size, triple, _texts(value, "annotations"))


def text_of(fields: Mapping[str, object], key: str, what: str) -> str:
    """Return a text of the document ``what``, "" if it is not there.

    Raises:
        LayeredImageError: it is something else.
    """
    found = fields.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise LayeredImageError(f"{key} of {what} is not a string")
    return found


def _text(fields: Mapping[str, object], key: str) -> str:
    return text_of(fields, key, "the manifest")


def _texts(fields: Mapping[str, object], key: str) -> tuple[tuple[str, str], ...]:
    found = fields.get(key)
    if not isinstance(found, dict):
        return ()
    return tuple((name, value) for name, value in found.items() if isinstance(value, str))
