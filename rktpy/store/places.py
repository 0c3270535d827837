"""Directories of the store: made on first use, and rooms in ``cas/tmp`` to build things aside.

cas/tmp/<random>/     one unfinished act; its owner holds the flock on it. Unlocked: left by a
                      process that was killed, removed by the next import and by ``image gc``
"""

from __future__ import annotations

import os

from rktpy.host.lock import Lock, LockBusyError, lock_dir
from rktpy.host.tree.inode_flags import spread_children
from rktpy.host.tree.removal import remove_tree
from rktpy.resource import Resource
from rktpy.store.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.layout import Layout

_SHARED = 0o2770  # members of the group may fetch, list and remove images (rkt-cli 1.7)
_STICKY = 0o3770  # the same, but what one member builds there no other may replace
_ROOTS = 0o2750  # nobody of the group may put another directory in the place of one of these
_PRIVATE = 0o2700  # trees hold setuid programs of images: nobody else may reach them


def make_store(layout: Layout) -> None:
    """Create the directories of the store that are missing.

    Raises:
        StoreError: one cannot be made.
    """
    shards = (f"{layout.blobs}/sha512", f"{layout.image_manifests}/sha512")
    shared = (
        *(layout.blobs, layout.image_manifests, *shards),
        *(os.path.dirname(layout.index), layout.image_locks),
    )
    try:
        if not os.path.isdir(layout.data):
            os.makedirs(layout.data, 0o750, exist_ok=True)  # or another process is quicker
        _close(layout.cas, _ROOTS)
        _close(layout.cas_tmp, _STICKY)
        _close(layout.downloads, _STICKY)
        _make(layout.cas, _ROOTS)
        for path in shared:
            _make(path, _SHARED)
        for path in (layout.cas_tmp, layout.downloads):
            _make(path, _STICKY)
        for path in (layout.trees, layout.layers, layout.tree_locks):
            _make(path, _PRIVATE)
        _make(layout.locks, 0o2750)
        spread_children(layout.cas_tmp)
    except OSError as error:
        raise StoreError(f"cannot create the image store in {layout.data}") from error


def make_shard(path: str) -> None:
    """Create the directory of ``path``, one of the two-digit ones, unless it is there."""
    _make(os.path.dirname(path), _SHARED)


def _make(path: str, mode: int) -> None:
    try:
        os.mkdir(path, mode & 0o777)
    except FileExistsError:
        return
    os.chmod(path, mode)  # mkdir obeys the umask


def _close(path: str, mode: int) -> None:
    """Give today's ``mode`` to a directory that rkt, or an older rktpy, left open to its group."""
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return
    if info.st_uid == os.geteuid() and info.st_mode & ~mode & 0o022 | ~info.st_mode & mode & 0o1000:
        os.chmod(path, mode)


class Room(Resource):
    """A private directory on the store's file system, locked and ours until closed.

    What was built in it is renamed to its place; closing removes the rest.
    """

    __slots__ = ("_lock", "path")

    def __init__(self, path: str, lock: Lock) -> None:
        self.path = path
        self._lock = lock

    def close(self) -> None:
        """Remove the room with all that is still in it."""
        try:
            remove_tree(self.path)
        finally:
            self._lock.close()


def open_room(layout: Layout) -> Room:
    """Make a room. A sweep that comes between mkdir and flock takes it: then make another.

    Raises:
        OSError: ``cas/tmp`` cannot be written.
    """
    while True:
        path = f"{layout.cas_tmp}/{os.urandom(8).hex()}"
        os.mkdir(path, 0o700)
        try:
            lock = lock_dir(path, wait=False)
        except (FileNotFoundError, LockBusyError):
            continue
        try:
            here = os.path.samestat(os.fstat(lock.fd), os.stat(path))
        except FileNotFoundError:
            here = False
        if here:
            # A setgid parent would pass its group on to every file of an image.
            os.chown(path, -1, os.getegid())
            os.chmod(path, 0o700)
            return Room(path, lock)
        lock.close()


def sweep(layout: Layout) -> int:
    """Remove what killed processes left in ``cas/tmp``; return how much of it there was.

    Entries of other users stay: only their owner or root can remove them.
    """
    removed = 0
    try:
        names = os.listdir(layout.cas_tmp)
    except OSError:
        return 0
    for name in names:
        path = f"{layout.cas_tmp}/{name}"
        try:
            with lock_dir(path, wait=False):
                remove_tree(path)
                removed += 1
        except NotADirectoryError:
            removed += _remove_stray(path)
        except (OSError, LockBusyError):
            continue
    return removed


def _remove_stray(path: str) -> int:
    try:
        os.unlink(path)
    except OSError:
        return 0
    return 1
