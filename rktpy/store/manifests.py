"""Whether the stored manifest of an image is the one that was signed: that in its archive."""

from __future__ import annotations

import os

from rktpy.appc.image import ImageManifest
from rktpy.codec import compact
from rktpy.host.archive.limits import ArchiveError, Limits
from rktpy.host.archive.reader import GrowingFile, TarReader
from rktpy.host.files import open_regular, read_regular
from rktpy.store.trees import Trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.layout import Layout


def signed_manifest(archive: int) -> bytes:
    """Return the manifest in the open, imported ``archive`` as the store keeps it.

    Raises:
        ArchiveError, AppcError, CodecError: it is not what was imported.
    """
    reader = TarReader(GrowingFile(archive), Limits())
    for member in reader.members():
        if member.name.removeprefix(b"./") == b"manifest":
            manifest = ImageManifest.from_json(b"".join(reader.data(member)))
            return compact(manifest.to_object(keep_unknown=False)).encode()
    raise ArchiveError("no image manifest found in layout")


def is_intact(layout: Layout, key: str) -> bool:
    """Return whether the stored manifest of ``key`` is that of its tree, or else of its archive.

    Raises:
        OSError, ValueError: a file is missing or something else than a file.
        ArchiveError, AppcError, CodecError: the archive is damaged.
    """
    stored = read_regular(layout.image_manifest(key))
    try:
        tree = layout.tree(Trees(layout).tree_id([key]))
        return read_regular(f"{tree}/manifest") == stored
    except FileNotFoundError:
        pass  # with dependencies the tree has another name, and not everybody can make one
    archive = open_regular(layout.blob(key))
    try:
        return signed_manifest(archive) == stored
    finally:
        os.close(archive)
