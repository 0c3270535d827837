"""Rendered images: directory trees that pods mount or copy.

cas/tree/<tree id>/
├── rootfs/      the files
├── manifest     of the top image
├── hash         content hash, see ``rktpy.host.archive.digest``
├── image        key of the top image
├── layers       of a stack only: names of the layers below ``rootfs``, strongest first
└── rendered     empty; of a stack, the CRC-32 of ``layers``

The tree of an image of layers is a stack: ``rootfs`` has what ``rktpy.store.tying`` says, all else
is in the layers. Whoever wants the files of a tree asks ``Trees.lowers`` for all its directories.

A tree is built in a room of ``cas/tmp`` and renamed here whole and durable, and renamed away
before it is deleted: whatever is here is complete, whoever was killed when. One that is made again
is first renamed to ``<tree id>.<8 hex>``, where pods that run on it still have it; ``image gc``
removes it when no pod refers to the tree.
"""

from __future__ import annotations

import os
from binascii import crc32

from rktpy.codec import compact, quote
from rktpy.errors import RktError
from rktpy.host.files import read_regular
from rktpy.store import locks
from rktpy.store.errors import ImageDamagedError, ImageGoneError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rktpy.host.archive.unpack import Outcome
    from rktpy.host.lock import Lock
    from rktpy.layout import Layout
    from rktpy.store.document import Document
    from rktpy.store.images import ImageStore
    from rktpy.store.placing import TreeFiles

_PREFIX = "deps-sha512-"
_LIST_LIMIT = 1 << 16  # of layers
_REPAIR = "rktpy image verify IMAGE"


class TreeError(RktError):
    """A rendered tree is missing, damaged, or cannot be made."""


class ListError(TreeError):
    """The list of a tree's layers is damaged; making the tree again repairs it."""


def mark_of(layers: bytes) -> bytes:
    """Return what the file ``rendered`` of a tree holds whose file ``layers`` holds ``layers``.

    A list that is lost, cut or flipped would show a pod other files than the image has.
    """
    return b"%08x" % crc32(layers) if layers else b""


class Trees:
    """The rendered trees of one data directory."""

    __slots__ = ("_layout",)

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def tree_id(self, keys: Sequence[str]) -> str:
        """Return the name of the tree made of the images ``keys``, strongest first."""
        try:
            from _sha512 import sha512  # type: ignore[import-not-found] # hashlib costs 6 ms
        except ImportError:
            from hashlib import sha512
        return _PREFIX + str(sha512(",".join(keys).encode()).hexdigest())[:64]

    def tree_id_of(self, store: ImageStore, key: str) -> str:
        """Return the name of the tree of the image ``key`` with its dependencies.

        Raises:
            DependencyError: one of them is not in the store.
        """
        return self.tree_id([part.key for part in store.parts(key)])

    def rootfs(self, tree_id: str) -> str:
        """Return the directory with the files of the tree."""
        return f"{self._layout.tree(tree_id)}/rootfs"

    def ready(self, tree_id: str) -> bool:
        """Return whether the tree is there, whole; one system call."""
        return os.access(f"{self._layout.tree(tree_id)}/rendered", os.F_OK)

    def hold(self, tree_id: str) -> Lock:
        """Keep the tree, and so its layers, from being removed until the result is closed.

        Raises:
            TreeError: it is not there any more.
        """
        lock = locks.lock_tree(self._layout, tree_id, exclusive=False)
        if self.ready(tree_id):
            return lock
        lock.close()
        raise TreeError("the tree was removed meanwhile", hint="try again")

    def ids(self) -> list[str]:
        """Return the names of all trees, also of damaged and of replaced ones."""
        try:
            return sorted(os.listdir(self._layout.trees))
        except FileNotFoundError:
            return []

    def lowers(self, tree_id: str) -> list[str]:
        """Return the directories that make up the tree, strongest first: its ``rootfs``, and below
        that the layers of an image of layers.

        Raises:
            TreeError: a layer is missing or damaged; the hint says how it comes back.
        """
        tree = self._layout.tree(tree_id)
        found = [f"{tree}/rootfs"]
        for name in self._sound_names(tree_id):
            layer = self._layout.layer(name)
            if not os.access(f"{layer}/rendered", os.F_OK):
                raise self._lost_layer(tree_id, name)
            found.append(f"{layer}/rootfs")
        return found

    def layer_names(self, tree_id: str) -> list[str]:
        """Return the names of the layers below the tree, strongest first; most trees have none, and
        one that is gone by now has none.

        Raises:
            ListError: the list of them cannot be read.
        """
        try:
            return _names(_read_list(self._layout.tree(tree_id)))
        except (OSError, ValueError) as error:
            raise ListError("cannot read the list of layers of a tree", hint=_REPAIR) from error

    def _sound_names(self, tree_id: str) -> list[str]:
        """Return the same of a tree that is to be used.

        Raises:
            ListError: as ``layer_names``, or it is not the list the tree was made with.
            TreeError: the tree is not there.
        """
        tree = self._layout.tree(tree_id)
        try:
            mark, text = read_regular(f"{tree}/rendered", limit=100), _read_list(tree)
        except FileNotFoundError as error:
            raise TreeError(
                "the tree of an image is not there", hint="make it with: rktpy fetch IMAGE"
            ) from error
        except (OSError, ValueError) as error:
            raise ListError("cannot read the list of layers of a tree", hint=_REPAIR) from error
        if mark != mark_of(text):
            raise ListError("the list of layers of a tree is damaged", hint=_REPAIR)
        return _names(text)

    def render(self, store: ImageStore, key: str, *, rebuild: bool = False) -> str:
        """Make the tree of image ``key`` unless it is there; return its name.

        Every blob is hashed on the way, so a tree is never made of a damaged image. The manifest
        that was signed is kept with the tree: where the store has another one by now, the tree is
        made again, which tells which of them is damaged.

        Raises:
            DependencyError: a dependency is not in the store.
            ImageDamagedError: a blob does not have its hash.
            TreeError: a layer of the image is missing or damaged.
            StoreError: not root, or the disk is full.
        """
        parts = store.parts(key)
        tree_id = self.tree_id([part.key for part in parts])
        if self.ready(tree_id) and not rebuild:
            try:
                if self._manifest(tree_id) == store.manifest_bytes(key):
                    self.lowers(tree_id)
                    return tree_id
            except ListError:
                pass
            rebuild = True
        document = store.document(key) if len(parts) == 1 else None
        if document is not None:
            self._stack(store, key, tree_id, document, rebuild=rebuild)
            return tree_id

        from rktpy.store.placing import TreeFiles
        from rktpy.store.unpacking import unpack

        def fill(rootfs: str) -> Outcome:
            return unpack(store, parts, rootfs)

        files = TreeFiles(key, store.manifest_bytes(key))
        self._build(tree_id, fill, files, rebuild=rebuild)
        return tree_id

    def adopt(
        self, tree_id: str, fill: Callable[[str], None], manifest: bytes, *, key: str = ""
    ) -> None:
        """Make the tree ``tree_id`` by letting ``fill`` put files into its new ``rootfs``.

        For trees that come from no blob (stage1). One that is there already stays; ``fill`` is
        then not called.

        Raises:
            StoreError: the store cannot be written.
        """
        from rktpy.store.placing import TreeFiles, measure

        def filled(rootfs: str) -> Outcome:
            fill(rootfs)
            return measure(rootfs)

        self._build(tree_id, filled, TreeFiles(key, manifest), rebuild=False)

    def verify(
        self, tree_id: str, *, layers: Sequence[str] = (), manifest: bytes | None = None
    ) -> None:
        """Read the whole tree and compare it with its recorded hash; of a stack, what lies above
        the ``layers``, by name, that it must have. If ``manifest`` is given, it must be the tree's.

        Raises:
            TreeError: it differs, or has no usable hash; rendering again repairs it.
        """
        from rktpy.host.archive.digest import tree_hash

        if self._sound_names(tree_id) != list(layers):
            raise TreeError("wrong list of layers")
        if manifest is not None and self._manifest(tree_id) != manifest:
            raise TreeError("wrong manifest")
        with locks.lock_tree(self._layout, tree_id, exclusive=False):
            expected = self._recorded_hash(tree_id)
            try:
                found = tree_hash(self.rootfs(tree_id))
            except OSError as error:
                raise TreeError("cannot read the tree") from error
        if found != expected:
            raise TreeError(f"wrong tree hash: {found}, expected: {expected}")

    def remove(self, tree_id: str) -> None:
        """Delete the tree; absent is fine. Pods that mounted it keep it until they end.

        Raises:
            LockBusyError: somebody makes, reads or checks it just now.
            OSError: no permission.
        """
        from rktpy.store import places
        from rktpy.store.index import Index

        with (
            locks.lock_tree(self._layout, tree_id, exclusive=True, wait=False),
            places.open_room(self._layout) as room,
        ):
            try:
                os.rename(self._layout.tree(tree_id), f"{room.path}/tree")
            except FileNotFoundError:
                pass
            Index(self._layout).change(lambda db: db.remove_tree(tree_id))
            locks.forget(self._layout.tree_lock(tree_id))

    def _manifest(self, tree_id: str) -> bytes:
        """Return the manifest of the tree; b"" if it cannot be read."""
        try:
            return read_regular(f"{self._layout.tree(tree_id)}/manifest")
        except (OSError, ValueError):
            return b""

    def _recorded_hash(self, tree_id: str) -> str:
        from rktpy.host.archive.digest import VERSION

        try:
            text = read_regular(f"{self._layout.tree(tree_id)}/hash", limit=1000).decode("ascii")
        except (OSError, ValueError) as error:
            raise TreeError("cannot read hash file") from error
        if not text.startswith(VERSION + ":"):
            raise TreeError(f"the hash file is of an unknown version: {text[:20]!r}")
        return text

    def _stack(
        self, store: ImageStore, key: str, tree_id: str, document: Document, *, rebuild: bool
    ) -> None:
        from rktpy.store.absence import is_gone
        from rktpy.store.placing import TreeFiles
        from rktpy.store.stacks import hold_all, make_top, mounted

        signed = compact(document.manifest.to_object(keep_unknown=False)).encode()
        if signed != store.manifest_bytes(key):
            raise ImageDamagedError(
                f"the stored manifest of image {quote(key)} is not the one in its document",
                hint=store.fetch_hint(key),
            )

        def lost(diff_id: str) -> RktError:
            return ImageGoneError(key) if is_gone(store, key) else self._missing(key, diff_id)

        with hold_all(self._layout, document, lost):
            files = TreeFiles(key, store.manifest_bytes(key), mounted(self._layout, document))
            self._build(
                tree_id,
                lambda rootfs: make_top(self._layout, document, rootfs),
                files,
                rebuild=rebuild,
            )

    def _lost_layer(self, tree_id: str, name: str) -> TreeError:
        try:
            key = read_regular(f"{self._layout.tree(tree_id)}/image", limit=1000).decode("ascii")
        except (OSError, ValueError):
            key = ""
        return self._missing(key, name.replace("-", ":", 1))

    def _missing(self, key: str, diff_id: str) -> TreeError:
        """Return the error for a layer of image ``key`` that nothing can start on."""
        from rktpy.store.index import Index

        return TreeError(
            f"layer {diff_id} of the image is missing or damaged",
            hint=Index(self._layout).fetch_hint(key),
        )

    def _build(
        self, tree_id: str, fill: Callable[[str], Outcome], files: TreeFiles, *, rebuild: bool
    ) -> None:
        from rktpy.store import places
        from rktpy.store.placing import finish_tree, place_tree, write_index

        try:
            places.make_store(self._layout)
            with locks.lock_tree(self._layout, tree_id, exclusive=True):
                if self.ready(tree_id) and not rebuild:
                    return
                with places.open_room(self._layout) as room:
                    tree = f"{room.path}/tree"
                    os.makedirs(f"{tree}/rootfs", 0o755)
                    outcome = fill(f"{tree}/rootfs")
                    size = finish_tree(tree, files, outcome, sync=True)
                    place_tree(self._layout, tree_id, room)
                    write_index(self._layout, tree=(tree_id, files.key, size))
        except OSError as error:
            raise StoreError(f"cannot render an image in {self._layout.trees}") from error


def _read_list(tree: str) -> bytes:
    try:
        return read_regular(f"{tree}/layers", limit=_LIST_LIMIT)
    except FileNotFoundError:
        return b""  # most trees have none


def _names(text: bytes) -> list[str]:
    return text.decode("ascii", "replace").split()
