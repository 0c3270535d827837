"""Layers of images, unpacked once each and named by what they hold.

cas/layer/<algorithm>-<hex of the diff ID>/
├── rootfs/    in overlayfs's form: deleted names are devices 0:0, opaque directories are marked
├── ends       what it leaves open (``host.archive.ends``), JSON
├── hash       content hash of ``rootfs``; a line below it, that of ``ends``
├── size       apparent bytes of ``rootfs``
└── rendered   whole; a layer found damaged loses it

A damaged layer that was made again goes on as ``<name>.<random>``: pods that run may have it
mounted. ``image gc`` takes it when no pod's tree has the layer.

A layer is made in a room of ``cas/tmp`` and renamed. Killed before: the room is swept. Killed
after, before an image names it: nobody needs it, and ``image gc`` takes it.
"""

from __future__ import annotations

import os
import stat

from rktpy import codec
from rktpy.errors import RktError
from rktpy.host import mount
from rktpy.host.files import read_regular, write_new
from rktpy.resource import Resource
from rktpy.store import locks, places
from rktpy.store.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.archive.ends import LayerOutcome, LooseEnds
    from rktpy.host.lock import Lock
    from rktpy.layout import Layout

MAX_LAYERS = 200  # overlayfs takes 500; a pod adds three of its own
OPAQUE = "trusted.overlay.opaque"

_ENDS_LIMIT = 256 << 20
_DIGITS = {"sha256": 64, "sha512": 128}
_HEX = frozenset("0123456789abcdef")


class LayerError(RktError):
    """A layer is not there, or not as it was."""


def layer_name(diff_id: str) -> str:
    """Return the directory name of a layer.

    Raises:
        LayerError: ``diff_id`` is not a digest that we know.
    """
    algorithm, _, digits = diff_id.partition(":")
    if len(digits) != _DIGITS.get(algorithm) or not _HEX.issuperset(digits):
        raise LayerError(f"{codec.quote(diff_id)} is not a digest of a layer")
    return f"{algorithm}-{digits}"


class HeldLayer(Resource):
    """A layer that is there, whole, and stays until this is closed."""

    __slots__ = ("_lock", "diff_id", "rootfs")

    def __init__(self, diff_id: str, rootfs: str, lock: Lock) -> None:
        self.diff_id = diff_id
        self.rootfs = rootfs
        self._lock = lock

    def close(self) -> None:
        """Let ``image gc`` have it; twice is fine."""
        self._lock.close()


class Layers:
    """The layers of one data directory, each named by its diff ID (``sha256:…``)."""

    __slots__ = ("_layout",)

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def directory(self, diff_id: str) -> str:
        """Return where the layer is, or would be."""
        return self._layout.layer(layer_name(diff_id))

    def rootfs(self, diff_id: str) -> str:
        """Return the directory with the files of the layer."""
        return f"{self.directory(diff_id)}/rootfs"

    def ready(self, diff_id: str) -> bool:
        """Return whether the layer is there, whole and not known to be damaged."""
        return os.access(f"{self.directory(diff_id)}/rendered", os.F_OK)

    def ids(self) -> list[str]:
        """Return the diff IDs of all layers, also of damaged ones."""
        return [_diff_id(name) for name in self._names() if "." not in name]

    def size(self, diff_id: str) -> int:
        """Return the apparent size of the layer in bytes.

        Raises:
            LayerError: it is not there, or damaged.
        """
        try:
            return int(read_regular(f"{self.directory(diff_id)}/size", limit=100))
        except (OSError, ValueError) as error:
            raise LayerError(f"cannot read the size of layer {diff_id}") from error

    def ends(self, diff_id: str) -> LooseEnds:
        """Return what the layer leaves open. Errors as ``size``."""
        from rktpy.host.archive.ends import LooseEnds

        try:
            stored = read_regular(f"{self.directory(diff_id)}/ends", limit=_ENDS_LIMIT)
            return LooseEnds.from_json(codec.parse(stored, what="loose ends of a layer"))
        except (OSError, ValueError, codec.CodecError) as error:
            raise LayerError(f"cannot read the loose ends of layer {diff_id}") from error

    def hold(self, diff_id: str) -> HeldLayer | None:
        """Keep the layer from being removed; None if it is not there or damaged.

        Raises:
            StoreError: the store cannot be written.
        """
        if not os.path.isdir(self._layout.tree_locks):
            places.make_store(self._layout)
        try:
            lock = locks.lock_tree(self._layout, layer_name(diff_id), exclusive=False)
        except OSError as error:
            raise StoreError(f"cannot lock layer {diff_id}") from error
        if self.ready(diff_id):
            return HeldLayer(diff_id, self.rootfs(diff_id), lock)
        lock.close()
        return None

    def build(self, diff_id: str, fill: Callable[[str], LayerOutcome]) -> None:
        """Make the layer by letting ``fill`` unpack it into a new, empty ``rootfs``.

        Two at once do it once: the other one waits, and ``fill`` is not called if the layer is
        there then. It may be gone again when this returns: take it with ``hold``.

        Raises:
            StoreError: the disk is full, or we are not root.
            RktError: what ``fill`` raises; nothing is left.
        """
        name = layer_name(diff_id)
        places.make_store(self._layout)
        maker = self._layout.tree_lock(f"make-{name}")
        try:
            with locks.lock_tree(self._layout, f"make-{name}", exclusive=True):
                try:
                    self._make(diff_id, name, fill)
                finally:
                    locks.forget(maker)
        except OSError as error:
            raise StoreError(f"cannot unpack a layer in {self._layout.layers}") from error

    def verify(self, diff_id: str) -> None:
        """Read the whole layer and compare it with its recorded hashes.

        Raises:
            LayerError: something of it is changed, missing or too much.
        """
        from rktpy.host.archive.digest import tree_hash

        with locks.lock_tree(self._layout, layer_name(diff_id), exclusive=False):
            if not self.ready(diff_id):
                raise LayerError(f"layer {diff_id} is not there or was found damaged before")
            base = self.directory(diff_id)
            try:
                expected = read_regular(f"{base}/hash", limit=1000)
                found = _hashes(
                    tree_hash(f"{base}/rootfs"), read_regular(f"{base}/ends", limit=_ENDS_LIMIT)
                )
            except (OSError, ValueError) as error:
                raise LayerError(f"cannot read layer {diff_id}") from error
        if found != expected:
            raise LayerError(f"layer {diff_id} is damaged: its files are not those it came with")

    def mark_damaged(self, diff_id: str) -> None:
        """Let nothing start on the layer any more; the next fetch of an image brings it again.

        Raises:
            OSError: no permission.
        """
        with locks.lock_tree(self._layout, layer_name(diff_id), exclusive=True):
            try:
                os.unlink(f"{self.directory(diff_id)}/rendered")
            except FileNotFoundError:
                pass

    def remove(self, diff_id: str, *, needed: Callable[[str], bool] = lambda _id: False) -> bool:
        """Delete the layer unless it is ``needed``, asked when nobody can take it any more.

        Returns whether it is gone.

        Raises:
            LockBusyError: somebody holds it, or makes it.
            OSError: no permission.
        """
        name = layer_name(diff_id)
        with (
            locks.lock_tree(self._layout, name, exclusive=True, wait=False),
            places.open_room(self._layout) as room,
        ):
            if needed(diff_id):
                return False
            try:
                os.rename(self._layout.layer(name), f"{room.path}/layer")
            except FileNotFoundError:
                pass
            locks.forget(self._layout.tree_lock(name))
        return True

    def remove_replaced(self, needed: Callable[[str], bool]) -> None:
        """Delete damaged layers that were made again, but those that are ``needed``.

        Raises:
            OSError: no permission.
        """
        for name in self._names():
            layer = name.partition(".")[0]
            if layer == name or needed(_diff_id(layer)):
                continue
            with places.open_room(self._layout) as room:
                try:
                    os.rename(self._layout.layer(name), f"{room.path}/layer")
                except FileNotFoundError:
                    continue  # another collector was quicker

    def _names(self) -> list[str]:
        try:
            return sorted(os.listdir(self._layout.layers))
        except FileNotFoundError:
            return []

    def _make(self, diff_id: str, name: str, fill: Callable[[str], LayerOutcome]) -> None:
        if self.ready(diff_id):
            return
        from rktpy.store.placing import sync_filesystem

        with places.open_room(self._layout) as room:
            layer = f"{room.path}/layer"
            os.makedirs(f"{layer}/rootfs", 0o755)
            outcome = fill(f"{layer}/rootfs")
            ends = codec.compact(outcome.ends.to_json()).encode()
            contents = {
                "ends": ends,
                "hash": _hashes(outcome.tree_hash, ends),
                "size": str(outcome.tree_size).encode(),
                "rendered": b"",
            }
            for file, content in contents.items():
                write_new(f"{layer}/{file}", content, mode=0o644)
            os.chmod(layer, 0o755)  # noqa: S103 - as trees; cas/layer above it is closed
            sync_filesystem(layer)
            # Nobody holds a layer that is not ready but for a moment, or to collect it.
            with locks.lock_tree(self._layout, name, exclusive=True):
                try:
                    replaced = f"{name}.{os.urandom(4).hex()}"
                    os.rename(self._layout.layer(name), self._layout.layer(replaced))
                except FileNotFoundError:
                    pass
                os.rename(layer, self._layout.layer(name))


def _diff_id(name: str) -> str:
    return name.replace("-", ":", 1)


def _hashes(tree: str, ends: bytes) -> bytes:
    from hashlib import sha512

    return f"{tree}\nends:{sha512(ends).hexdigest()[:64]}".encode()


def can_stack(layout: Layout) -> bool:
    """Return whether layers can be kept and mounted here: we are root, the kernel has overlayfs,
    and the store's file system can hold its marks.

    Raises:
        StoreError: the store cannot be made.
    """
    if os.geteuid() != 0 or not mount.has_overlayfs():
        return False
    places.make_store(layout)
    try:
        with places.open_room(layout) as room:
            os.mknod(f"{room.path}/deleted", stat.S_IFCHR, os.makedev(0, 0))
            os.setxattr(room.path, OPAQUE, b"y")
    except OSError:
        return False
    return True
