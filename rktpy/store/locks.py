"""Who may touch what in the store at the same time; all are flocks that die with their holder.

cas/imagelocks/<key>          exclusive: image is being added or removed; shared: blob is read
cas/treestorelocks/<tree id>  exclusive: tree is being made or removed; shared: it is checked
cas/treestorelocks/<layer>    exclusive: layer is being placed or removed; shared: a pull needs it
                              until its image is in the index, or it is read
cas/treestorelocks/make-<layer>  exclusive: layer is being made. Of its own, as pulls wait for it
                              while they hold other layers, which the maker's pull may wait for
locks/prepareLock             shared: a pod is being made of trees, or a tree is read;
                              exclusive: ``image gc`` looks for trees and images no pod refers to

Take them in the order prepareLock, make, layer, tree, image.
"""

from __future__ import annotations

import errno
import os

from rktpy.host.lock import Lock, LockBusyError, lock_file
from rktpy.store.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.layout import Layout


def lock_image(layout: Layout, key: str, *, exclusive: bool, wait: bool = True) -> Lock:
    """Lock the image ``key``.

    Raises:
        LockBusyError: ``wait`` is false and somebody is in the way.
        OSError: the lock directory cannot be written.
    """
    return lock_file(layout.image_lock(key), exclusive=exclusive, wait=wait)


def lock_tree(layout: Layout, tree_id: str, *, exclusive: bool, wait: bool = True) -> Lock:
    """Lock the tree ``tree_id``; errors as ``lock_image``."""
    return lock_file(layout.tree_lock(tree_id), exclusive=exclusive, wait=wait)


def lock_prepare(layout: Layout, *, exclusive: bool) -> Lock:
    """Take the global lock between preparing pods and collecting trees.

    Raises:
        OSError: the lock file cannot be made.
    """
    try:
        return lock_file(layout.prepare_lock, exclusive=exclusive)
    except FileNotFoundError:
        os.makedirs(layout.locks, 0o750, exist_ok=True)
        return lock_file(layout.prepare_lock, exclusive=exclusive)


def keep_trees(layout: Layout) -> Lock:
    """Keep ``image gc`` from all trees until the result is closed: for who finds or makes one and
    then reads it. Where the lock file cannot be opened nothing is locked: on a read-only disk there
    is no collector, and who lacks the permission cannot read trees either.

    Raises:
        StoreError: the disk is full.
    """
    try:
        return lock_prepare(layout, exclusive=False)
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            return Lock(-1)
        raise StoreError(f"cannot lock the trees of {layout.data}") from error


def sweep(directory: str, keep: Iterable[str]) -> None:
    """Remove lock files nobody holds whose thing is not in ``keep``: left by killed processes."""
    try:
        names = set(os.listdir(directory)).difference(keep)
    except OSError:
        return
    for name in names:
        path = f"{directory}/{name}"
        try:
            with lock_file(path, wait=False):
                forget(path)
        except (LockBusyError, OSError):
            continue


def forget(lock_path: str) -> None:
    """Unlink a lock file while holding it exclusively: its thing is gone. Waiters notice."""
    try:
        os.unlink(lock_path)
    except FileNotFoundError:
        pass
