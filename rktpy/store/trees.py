"""Rendered images: directory trees that pods mount or copy.

cas/tree/<tree id>/
├── rootfs/      the files
├── manifest     of the top image
├── hash         content hash, see ``rktpy.host.archive.digest``
├── image        key of the top image
└── rendered     empty

A tree is built in a room of ``cas/tmp`` and renamed here whole and durable, and renamed away
before it is deleted: whatever is here is complete, whoever was killed when.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.store import locks
from rktpy.store.errors import ImageDamagedError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rktpy.host.archive.unpack import Layer, Outcome
    from rktpy.layout import Layout
    from rktpy.store.dependencies import Part
    from rktpy.store.images import ImageStore

_PREFIX = "deps-sha512-"


class TreeError(RktError):
    """A rendered tree is missing, damaged, or cannot be made."""


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

    def ids(self) -> list[str]:
        """Return the names of all trees, also of damaged ones."""
        try:
            return sorted(os.listdir(self._layout.trees))
        except FileNotFoundError:
            return []

    def render(self, store: ImageStore, key: str, *, rebuild: bool = False) -> str:
        """Make the tree of image ``key`` unless it is there; return its name.

        Every blob is hashed on the way, so a tree is never made of a damaged image.

        Raises:
            DependencyError: a dependency is not in the store.
            ImageDamagedError: a blob does not have its hash.
            StoreError: not root, or the disk is full.
        """
        parts = store.parts(key)
        tree_id = self.tree_id([part.key for part in parts])
        if self.ready(tree_id) and not rebuild:
            return tree_id

        def fill(rootfs: str) -> Outcome:
            return unpack(store, parts, rootfs)

        self._build(tree_id, fill, key, store.manifest_bytes(key), rebuild=rebuild)
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
        from rktpy.store.placing import measure

        def filled(rootfs: str) -> Outcome:
            fill(rootfs)
            return measure(rootfs)

        self._build(tree_id, filled, key, manifest, rebuild=False)

    def verify(self, tree_id: str) -> None:
        """Read the whole tree and compare it with its recorded hash.

        Raises:
            TreeError: it differs, or has no usable hash; rendering again repairs it.
        """
        from rktpy.host.archive.digest import tree_hash

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
            OSError: no permission.
        """
        from rktpy.store import places
        from rktpy.store.index import Index

        with (
            locks.lock_tree(self._layout, tree_id, exclusive=True),
            places.open_room(self._layout) as room,
        ):
            try:
                os.rename(self._layout.tree(tree_id), f"{room.path}/tree")
            except FileNotFoundError:
                pass
            Index(self._layout).change(lambda db: db.remove_tree(tree_id))
            locks.forget(self._layout.tree_lock(tree_id))

    def _recorded_hash(self, tree_id: str) -> str:
        from rktpy.host.archive.digest import VERSION
        from rktpy.host.files import read_bytes

        try:
            text = read_bytes(f"{self._layout.tree(tree_id)}/hash", limit=1000).decode("ascii")
        except (OSError, ValueError) as error:
            raise TreeError("cannot read hash file") from error
        if not text.startswith(VERSION + ":"):
            raise TreeError(f"the hash file is of an unknown version: {text[:20]!r}")
        return text

    def _build(
        self,
        tree_id: str,
        fill: Callable[[str], Outcome],
        key: str,
        manifest: bytes,
        *,
        rebuild: bool,
    ) -> None:
        from rktpy.store import places
        from rktpy.store.placing import TreeFiles, finish_tree, place_tree, write_index

        try:
            places.make_store(self._layout)
            with locks.lock_tree(self._layout, tree_id, exclusive=True):
                if self.ready(tree_id) and not rebuild:
                    return
                with places.open_room(self._layout) as room:
                    tree = f"{room.path}/tree"
                    os.makedirs(f"{tree}/rootfs", 0o755)
                    outcome = fill(f"{tree}/rootfs")
                    size = finish_tree(tree, TreeFiles(key, manifest), outcome, sync=True)
                    place_tree(self._layout, tree_id, room)
                    write_index(self._layout, tree=(tree_id, key, size))
        except OSError as error:
            raise StoreError(f"cannot render an image in {self._layout.trees}") from error


def unpack(
    store: ImageStore, parts: Sequence[Part], target: str, *, owners: bool = True
) -> Outcome:
    """Extract the images ``parts``, strongest first, into the empty directory ``target``.

    Raises:
        ImageDamagedError: a blob does not have its hash.
        ArchiveError: a blob cannot be extracted.
        OSError: the disk is full.
    """
    from rktpy.host.archive.intake import hash_of
    from rktpy.host.archive.limits import Devices
    from rktpy.host.archive.unpack import Layer, Order
    from rktpy.host.archive.worker import start

    opened: list[int] = []
    try:
        layers: list[Layer] = []
        for part in parts:
            opened.append(store.open_blob(part.key))
            layers.append(Layer(opened[-1], own=part.own, chain=part.chain))
        # What the store holds passed the import's policy; rendering asks no second time.
        order = Order(layers=tuple(layers), target=target, owners=owners, devices=Devices.ALL)
        worker = start(order)
        try:
            for part, fd in zip(parts, opened, strict=True):
                digest = hash_of(fd)
                if f"sha512-{digest[:64]}" != part.key:
                    raise ImageDamagedError(
                        f"image hash does not match expected (sha512-{digest[:64]} != {part.key})",
                        hint=f"rktpy image rm {part.key[:19]}, then fetch it again",
                    )
        except BaseException:
            worker.cancel()
            raise
        return worker.wait()
    finally:
        for fd in opened:
            os.close(fd)
