"""The last steps of adding to the store: finish what lies aside, rename it, record it.

Starts of pods do not import this: only imports and renders of images do.
"""

from __future__ import annotations

import os
import stat

from rktpy.host import syscalls
from rktpy.host.archive.digest import tree_hash
from rktpy.host.archive.unpack import Outcome
from rktpy.host.files import write_new
from rktpy.store import places
from rktpy.store.index import Index
from rktpy.store.trees import mark_of
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.layout import Layout
    from rktpy.store.database import Database
    from rktpy.store.rows import Row


class TreeFiles(Value):
    """What lies beside ``rootfs`` in a tree: key of the top image, its manifest, and of a stack the
    names of the ``layers`` below it, strongest first.
    """

    key: str
    manifest: bytes
    layers: tuple[str, ...] = ()


def measure(rootfs: str) -> Outcome:
    """Return hash and apparent size of a tree that was filled by hand."""
    size = 0
    seen: set[tuple[int, int]] = set()
    for base, dirs, files in os.walk(os.fsencode(rootfs)):
        links = [name for name in dirs if os.path.islink(os.path.join(base, name))]
        for name in (b"", *files, *links):
            info = os.lstat(os.path.join(base, name) if name else base)
            if info.st_nlink > 1 and not stat.S_ISDIR(info.st_mode):
                if (info.st_dev, info.st_ino) in seen:
                    continue
                seen.add((info.st_dev, info.st_ino))
            size += info.st_size
    return Outcome(b"", 0, tree_hash(rootfs), size)


def finish_tree(tree: str, files: TreeFiles, outcome: Outcome, *, sync: bool) -> int:
    """Complete the directory ``tree`` around its ``rootfs``; return its apparent size.

    ``sync`` makes the whole file system durable, which is far cheaper than file by file.
    """
    layers = "\n".join(files.layers).encode("ascii")
    contents = {
        "manifest": files.manifest,
        "hash": outcome.tree_hash.encode("ascii"),
        "image": files.key.encode("ascii"),
        "rendered": mark_of(layers),
    }
    if layers:
        contents["layers"] = layers
    for name, content in contents.items():
        write_new(f"{tree}/{name}", content, mode=0o644)
    os.chmod(tree, 0o755)  # noqa: S103 - as rkt; cas/tree above it is closed
    if sync:
        sync_filesystem(tree)
    return outcome.tree_size + os.stat(tree).st_size + sum(map(len, contents.values()))


def sync_filesystem(path: str) -> None:
    """Make everything on the file system of the directory ``path`` durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        syscalls.syncfs(fd)
    finally:
        os.close(fd)


def place_tree(layout: Layout, tree_id: str, room: places.Room) -> None:
    """Rename ``<room>/tree`` to its place; what was there stays aside for pods that run on it.

    The caller holds the tree's lock.
    """
    target = layout.tree(tree_id)
    try:
        os.rename(target, f"{target}.{os.urandom(4).hex()}")
    except FileNotFoundError:
        pass
    os.rename(f"{room.path}/tree", target)


def write_manifest(layout: Layout, room: places.Room, manifest: bytes) -> None:
    """Write ``<room>/manifest``, for ``place_blob``. The caller syncs the room after that: a name
    that is on the disk before its content is, after a power cut, an empty file.
    """
    write_new(f"{room.path}/manifest", manifest, mode=0o640)
    os.chown(f"{room.path}/manifest", -1, os.stat(layout.image_manifests).st_gid)


def place_blob(layout: Layout, key: str, room: places.Room) -> None:
    """Rename ``<room>/blob`` and ``<room>/manifest`` to their places.

    A blob that is there is replaced: the new one was hashed just now. The caller holds the
    image's lock and has synced both.
    """
    places.make_shard(layout.blob(key))
    places.make_shard(layout.image_manifest(key))
    os.rename(f"{room.path}/blob", layout.blob(key))
    os.rename(f"{room.path}/manifest", layout.image_manifest(key))


def write_index(
    layout: Layout,
    *,
    row: Row | None = None,
    tree: tuple[str, str, int] | None = None,
    source: tuple[str, str] | None = None,
) -> None:
    """Record an image, a tree (id, key, size) and a source (identity, key) in one transaction.

    Its fsync also carries the renames before it to the disk. Of an image that was verified root
    keeps a record of its own first.
    """
    index = Index(layout)
    if row is not None:
        index.record(row.key, row.verified_by)

    def act(db: Database) -> None:
        if row is not None:
            db.put_image(row)
        if tree is not None:
            db.put_tree(*tree)
        if source is not None:
            db.put_source(*source)

    index.change(act)
