"""The door to stored images: find, read, add, list, remove.

cas/blob/sha512/<2 hex>/<key>            the uncompressed archive, or the document of an image of
                                         layers (``rktpy.store.document``)
cas/imageManifest/sha512/<2 hex>/<key>   its manifest, compact JSON; its mtime is the last use

An image is there if the index has it. Files without a row are leftovers of a killed process,
rows without files count as absent.
"""

from __future__ import annotations

import os

from rktpy.appc.image import ImageManifest
from rktpy.appc.names import ImageName
from rktpy.appc.types import ACIdentifier, ImageID, Label
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.files import open_regular, read_regular
from rktpy.store import locks
from rktpy.store.errors import ImageNotFoundError, StoreError
from rktpy.store.index import Index
from rktpy.store.rows import Row, StoredImage, by_name, by_prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

    from rktpy.appc.image import Dependency
    from rktpy.host.archive.formats import Stream
    from rktpy.layout import Layout
    from rktpy.store.database import Database, Remote
    from rktpy.store.dependencies import Part
    from rktpy.store.document import Document
    from rktpy.store.importing import Terms

_MANIFEST_LIMIT = 1 << 24


class ImageStore:
    """The images of one data directory. Cheap to make; nothing is opened until asked.

    With ``signed_only``, names lead to images whose signature was verified and to no others; a
    hash says itself what it wants.
    """

    __slots__ = ("_index", "_manifests", "_signed_only", "layout")

    def __init__(self, layout: Layout, *, signed_only: bool = False) -> None:
        self.layout = layout
        self._signed_only = signed_only
        self._index = Index(layout)
        self._manifests: dict[str, ImageManifest] = {}  # a key's manifest never changes

    def resolve(self, text: str) -> str:
        """Return the key of the image whose ID begins with ``text``.

        Raises:
            ImageNotFoundError: no hash, too short, or unknown.
            AmbiguousImageError: several begin so.
            StoreError: the index cannot be read.
        """
        return by_prefix((row.key for row in self._index.rows()), text)

    def has(self, key: str) -> bool:
        """Return whether the image ``key`` is there, verified or not."""
        return any(row.key == key for row in self._index.rows())

    def accepts(self, key: str) -> bool:
        """Return whether the image ``key`` is there and, if that counts, was verified."""
        return any(row.key == key and self._counts(row) for row in self._index.rows())

    def is_claimed(self, key: str) -> bool:
        """Return whether the index says that ``key`` was verified, and root has no record of it."""
        rows = self._index.rows()
        return any(r.key == key and r.verified_by and not self._index.believes(r) for r in rows)

    def find(
        self, name: str, labels: dict[str, str] | Iterable[Label] = (), *, unsigned: bool = False
    ) -> str | None:
        """Return the key of the best image called ``name`` with all ``labels``, if any.

        ``unsigned`` ones will do even if names lead to signed ones only.
        """
        wanted = list(
            labels.items()
            if isinstance(labels, dict)
            else [(str(label.name), label.value) for label in labels]
        )
        rows = list(self._index.rows())
        # One after the other, best first: looking at a record is a read.
        while (row := by_name(rows, name, wanted)) and not (unsigned or self._counts(row)):
            rows.remove(row)
        return row.key if row else None

    def _counts(self, row: Row) -> bool:
        """Return whether a name may lead to the image of ``row``."""
        return not self._signed_only or self._index.believes(row)

    def find_or_key(self, text: str) -> str:
        """Return the key of what a command on stored images was given: an ID or a name.

        Raises:
            ImageNotFoundError: nothing matches, or it is no name.
            AmbiguousImageError: several IDs begin so.
        """
        try:
            ImageID.parse(text)
        except RktError:
            pass  # then it is a name
        else:
            return self.resolve(text)
        try:
            wanted = ImageName.parse(text)
        except RktError as error:
            raise ImageNotFoundError(f"cannot parse the image name {quote(text)}") from error
        key = self.find(wanted.name, wanted.labels)
        if key is None:
            raise not_found(wanted)
        return key

    def dependency(self, wanted: Dependency) -> str | None:
        """Return the key of a stored image that ``wanted`` accepts."""
        if wanted.image_id is None:
            return self.find(wanted.image_name, wanted.labels)
        try:
            return self.resolve(str(wanted.image_id))
        except ImageNotFoundError:
            return None

    def parts(self, key: str) -> tuple[Part, ...]:
        """Return the images that make up the tree of ``key``, strongest first.

        Raises:
            DependencyError: one is not in the store.
        """
        from rktpy.store import dependencies

        return dependencies.flatten(self, key)

    def manifest(self, key: str) -> ImageManifest:
        """Return the manifest of a stored image.

        Raises:
            ImageGoneError: it is not there any more.
            StoreError, AppcError, CodecError: it was damaged.
        """
        found = self._manifests.get(key)
        if found is None:
            found = ImageManifest.from_json(self.manifest_bytes(key))
            self._manifests[key] = found
        return found

    def manifest_bytes(self, key: str) -> bytes:
        """Return the stored manifest as it stands: compact JSON. Errors as ``manifest``.

        No lock: the file is only ever replaced whole.
        """
        path = self.layout.image_manifest(key)
        try:
            return read_regular(path, limit=_MANIFEST_LIMIT)
        except (OSError, ValueError) as error:
            self._refuse(key, path, "manifest", error)

    def open_blob(self, key: str) -> int:
        """Return a descriptor of the uncompressed archive, at its start; the caller closes it. It
        counts as a use of the image.

        Raises:
            ImageGoneError, StoreError: it is not there any more, or cannot be read.
        """
        path = self.layout.blob(key)
        try:
            fd = open_regular(path)
        except OSError as error:
            self._refuse(key, path, "archive", error)
        self.touch(key)
        return fd

    def document(self, key: str) -> Document | None:
        """Return the document of an image of layers, None for one that has an archive.

        Raises:
            ImageGoneError, StoreError: it is not there any more, or cannot be read.
            ImageDamagedError: it is not what its hash says.
        """
        from rktpy.store.document import read_document

        path = self.layout.blob(key)
        try:
            return read_document(path, key)
        except OSError as error:
            self._refuse(key, path, "archive", error)

    def complete(self, key: str) -> bool:
        """Return whether the image ``key`` can be used as it is: all its layers are there, and none
        is known to be damaged.
        """
        from rktpy.store.layers import Layers

        try:
            document = self.document(key)
        except RktError:
            return False
        layers = Layers(self.layout)
        return document is None or all(map(layers.ready, document.diff_ids))

    def fetch_hint(self, key: str) -> str:
        """Return how the user brings the image ``key`` again."""
        return self._index.fetch_hint(key)

    def touch(self, key: str) -> None:
        """Note that the image is used now: ``image gc`` spares it for its grace period."""
        try:
            os.utime(self.layout.image_manifest(key))
        except OSError:
            return  # a read-only store has no collector either

    def last_used(self, key: str) -> int:
        """Return when the image was used last, in ns since 1970; 0 if it is not there any more."""
        try:
            return os.stat(self.layout.image_manifest(key)).st_mtime_ns
        except OSError:
            return 0

    def stored_keys(self) -> list[str]:
        """Return the keys of all images in the index as it is now."""
        self._index.forget()
        return [row.key for row in self._index.rows()]

    def images(self) -> list[StoredImage]:
        """Return all images whose manifest is there, oldest import first."""
        found = []
        for row in self._index.rows():
            try:
                used = os.stat(self.layout.image_manifest(row.key)).st_mtime_ns
            except OSError:
                continue
            found.append(self._stored(row, used))
        return found

    def scratch(self) -> str:
        """Return a directory on the store's file system for unnamed temporary files.

        A named file there is swept by the next import.

        Raises:
            StoreError: the store cannot be made.
        """
        from rktpy.store import places

        places.make_store(self.layout)
        return self.layout.cas_tmp

    def add_aci(self, source: int, terms: Terms | None = None) -> str:
        """Import the archive in the open file ``source`` and return its key.

        As root the tree of an image without dependencies is rendered on the way. Errors: see
        ``rktpy.store.importing.import_aci``.
        """
        from rktpy.store import importing

        try:
            return importing.import_aci(
                self.layout, self._index, source, terms or importing.Terms()
            )
        finally:
            self._index.forget()

    def add_stream(self, source: Stream, terms: Terms) -> str:
        """Import an archive that may still be arriving and return its key.

        Errors: see ``rktpy.store.importing.import_stream``.
        """
        from rktpy.store import importing

        try:
            return importing.import_stream(self.layout, source, terms)
        finally:
            self._index.forget()

    def add_layered(
        self, manifest: ImageManifest, diff_ids: tuple[str, ...], *, latest: bool = False
    ) -> str:
        """Add the image that the layers ``diff_ids``, the base first, make; return its key.

        The caller holds all of them until this returns. Errors: see ``rktpy.store.layering``.
        """
        from rktpy.store.document import Document
        from rktpy.store.layering import add_document

        try:
            return add_document(self.layout, Document(diff_ids, manifest), latest=latest)
        finally:
            self._index.forget()

    def remove(self, key: str) -> list[str]:
        """Delete the image; return the files of it that could not be deleted.

        Its trees stay for ``image gc``, pods keep copies of what they need.

        Raises:
            ImageNotFoundError: it is not there.
            StoreError: the index cannot be changed.
        """
        try:
            with locks.lock_image(self.layout, key, exclusive=True):
                if not self._index.change(lambda db: db.remove_image(key)):
                    raise ImageNotFoundError("no image IDs found")
                stale = self._unlink(key)
                locks.forget(self.layout.image_lock(key))
        except OSError as error:
            raise StoreError(f"cannot lock image {quote(key)}") from error
        return stale

    def orphans(self) -> list[str]:
        """Return keys of files without a row: left by imports or removals that were killed."""
        self._index.tidy()
        self._index.forget()
        known = {row.key for row in self._index.rows()}
        found: set[str] = set()
        for base in (self.layout.blobs, self.layout.image_manifests):
            for directory, _dirs, files in os.walk(base):
                if os.path.dirname(os.path.dirname(directory)) == base:
                    found.update(name for name in files if name not in known)
        found.update(name for name in self._index.recorded() if name not in known)
        return sorted(found)

    def remove_orphan(self, key: str) -> None:
        """Delete the files of ``key`` unless an import is busy with it or has finished."""
        with locks.lock_image(self.layout, key, exclusive=True, wait=False):
            self._index.forget()
            if all(row.key != key for row in self._index.rows()):
                self._unlink(key)
            locks.forget(self.layout.image_lock(key))

    def remote(self, url: str) -> Remote | None:
        """Return what is known of the download ``url``."""
        return self._index.read(lambda db: db.remote(url))

    def put_remote(self, remote: Remote) -> None:
        """Remember where an image came from."""
        self._index.change(lambda db: db.put_remote(remote))

    def forget_trees(self, present: Iterable[str]) -> None:
        """Drop the index rows of trees that are not ``present``."""
        gone = set(self._index.read(lambda db: db.tree_ids()) or ()).difference(present)

        def drop(db: Database) -> None:
            for tree_id in gone:
                db.remove_tree(tree_id)

        if gone:
            self._index.change(drop)

    def _refuse(self, key: str, path: str, what: str, error: OSError | ValueError) -> NoReturn:
        from rktpy.store.absence import refuse

        refuse(self, key, path, what, error)

    def _unlink(self, key: str) -> list[str]:
        self._index.forget_record(key)
        stale = []
        for path in (self.layout.image_manifest(key), self.layout.blob(key)):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue
            except OSError:
                stale.append(path)
        return stale

    def _stored(self, row: Row, used: int) -> StoredImage:
        trees = self.layout.trees
        rendered = [size for tree, size in row.trees if os.access(f"{trees}/{tree}/rendered", 0)]
        return StoredImage(
            key=row.key,
            digest=row.digest,
            name=ACIdentifier(row.name),
            labels=tuple(Label(ACIdentifier(name), value) for name, value in row.labels),
            imported_at=row.imported_at,
            last_used=used,
            size=row.size,
            tree_size=sum(rendered),
            latest=row.latest,
            verified_by=row.verified_by,
        )


def not_found(wanted: ImageName) -> ImageNotFoundError:
    """Return rkt's error for a name that no stored image has."""
    labels = " ".join(f"{quote(label.name)}:{quote(label.value)}" for label in wanted.labels)
    return ImageNotFoundError(
        f"cannot find aci satisfying name: {quote(wanted.name)} and labels: [{labels}]"
        " in the local store",
        hint="see what is there with: rktpy image list",
    )
