"""What stands for an image of layers where an application container image has its archive.

Canonical JSON: ``{"diffIDs":[…],"manifest":{…}}``, the base first. Its SHA-512 is the image ID. No
archive begins with ``{"diffIDs":[``: a tar file would have that as the name of its first member.
"""

from __future__ import annotations

import os

from rktpy import codec
from rktpy.appc.image import ImageManifest
from rktpy.errors import RktError
from rktpy.host.files import open_regular
from rktpy.store.errors import ImageDamagedError
from rktpy.store.layers import MAX_LAYERS, layer_name
from rktpy.value import Value

_MAGIC = b'{"diffIDs":['
_LIMIT = 16 << 20


class DocumentError(RktError):
    """The document of an image of layers is damaged."""


class Document(Value):
    """Diff IDs of the layers, the base first, and the manifest of the image they make."""

    diff_ids: tuple[str, ...]
    manifest: ImageManifest

    def check(self) -> None:
        """Raise if no stack can be made of it.

        Raises:
            DocumentError: no layers or too many, or a manifest that wants other images.
            LayerError: something else than digests.
        """
        if not 0 < len(self.diff_ids) <= MAX_LAYERS:
            raise DocumentError(f"an image has {len(self.diff_ids)} layers (limit {MAX_LAYERS})")
        for diff_id in self.diff_ids:
            layer_name(diff_id)
        if self.manifest.dependencies or self.manifest.path_whitelist:
            raise DocumentError("an image of layers cannot depend on others or leave out paths")

    def to_bytes(self) -> bytes:
        """Return the one spelling of it."""
        return codec.compact(
            {
                "diffIDs": list(self.diff_ids),
                "manifest": self.manifest.to_object(keep_unknown=False),
            }
        ).encode()

    def stack(self) -> tuple[str, ...]:
        """Return the layers as overlayfs takes them: strongest first, none twice.

        One that comes again further up hides all that its lower self brought or deleted.
        """
        return tuple(dict.fromkeys(reversed(self.diff_ids)))


def parse_document(text: bytes) -> Document:
    """Return the document in ``text``.

    Raises:
        DocumentError: it is something else.
    """
    try:
        found = codec.parse(text, what="the document of an image")
        if set(found) != {"diffIDs", "manifest"} or not isinstance(found["diffIDs"], list):
            raise DocumentError("the document of an image has other members")
        if not all(isinstance(diff_id, str) for diff_id in found["diffIDs"]):
            raise DocumentError("the document of an image has other members")
        return Document(tuple(found["diffIDs"]), ImageManifest.from_object(found["manifest"]))
    except DocumentError:
        raise
    except (RktError, TypeError) as error:
        raise DocumentError("the document of an image is damaged") from error


def read_document(path: str, key: str) -> Document | None:
    """Return the document in the blob ``path`` of the image ``key``, None if that is an archive.

    Raises:
        OSError: it cannot be read.
        ImageDamagedError: it does not have its hash.
    """
    fd = open_regular(path)
    try:
        if os.pread(fd, len(_MAGIC), 0) != _MAGIC:
            return None
        with open(fd, "rb", closefd=False) as file:
            text = file.read(_LIMIT)
    finally:
        os.close(fd)
    if key_of(text)[0] != key:
        raise ImageDamagedError(
            f"the document of image {codec.quote(key)} does not have its hash",
            hint=f"rktpy image rm {key[:19]}, then fetch it again",
        )
    return parse_document(text)


def key_of(text: bytes) -> tuple[str, str]:
    """Return image ID and whole digest of a document."""
    from hashlib import sha512

    digest = sha512(text).hexdigest()
    return f"sha512-{digest[:64]}", digest
