"""The root of an app whose pod has ended, put together once more from what is on disk.

Nothing is mounted where others see it, and nothing but the kept directories is needed: it works
after a reboot. Owners on disk are those of the image, also of pods in user namespaces.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host import mount, syscalls
from rktpy.host.lock import lock_dir, lock_file
from rktpy.host.tree.removal import remove_tree
from rktpy.layout import PodTree
from rktpy.pod.lifecycle import PodGoneError
from rktpy.pod.texts import read_text
from rktpy.resource import Resource
from rktpy.store.trees import Trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.host.lock import Lock
    from rktpy.pod.lifecycle import Pod

_HERE = PodTree(".")
_FENCE = syscalls.MS_NODEV | syscalls.MS_NOSUID | syscalls.MS_NOEXEC


class EndedError(RktError):
    """The root cannot be put together."""


class EndedRoot(Resource):
    """The root of ``app``, kept from deletion until this is closed. That does not keep ``gc`` from
    marking the pod, which renames its directory: all paths begin at our descriptor of that.

    Readers share it; a writer is alone with it. ``skeleton`` is a path in stage1's tree: the
    weakest layer, with the mount points that the pod needed; empty leaves it out.
    """

    __slots__ = ("_app_rootfs", "_locks", "_mount", "tree")

    def __init__(self, pod: Pod, app: str, *, writable: bool = False, skeleton: str = "") -> None:
        """Hold the pod; nothing is mounted yet.

        Raises:
            PodGoneError: it was deleted meanwhile.
            EndedError: files of the pod or trees of the store are missing.
            TreeError: a layer is.
        """
        self._locks: list[Lock] = []
        try:
            held = _hold(pod)
            self._locks.append(held)
            self.tree = PodTree(f"/proc/self/fd/{held.fd}")
            self._locks.append(lock_file(self.tree.manifest_lock, exclusive=writable, mode=0o600))
            self._app_rootfs = _HERE.app_rootfs(app)
            self._mount = _plan(pod, self.tree, app, writable=writable, skeleton=skeleton)
        except FileNotFoundError as error:
            self.close()
            raise PodGoneError(pod.uuid) from error
        except BaseException:
            self.close()
            raise

    def take(self) -> None:
        """Make it the root of the calling process, which should be a child made for that.

        Raises:
            MountError: the kernel cannot mount it.
        """
        os.fchdir(self._locks[0].fd)  # before unshare(2): what a descriptor leads to stays outside
        if self._mount is not None:
            syscalls.unshare(syscalls.CLONE_NEWNS)
            syscalls.mount("", "/", "", syscalls.MS_SLAVE | syscalls.MS_REC)
            self._mount.execute()
            os.chdir(self._mount.target)
        else:
            os.chdir(self._app_rootfs)
        os.chroot(".")

    def close(self) -> None:
        """Let others have it; twice is fine."""
        while self._locks:
            self._locks.pop().close()


def _hold(pod: Pod) -> Lock:
    """Keep the pod from deletion, wherever it is by now.

    Raises:
        PodGoneError: it is nowhere.
    """
    while True:
        try:
            return lock_dir(pod.path, exclusive=False)
        except FileNotFoundError:
            pod.refresh()


def _plan(
    pod: Pod, tree: PodTree, app: str, *, writable: bool, skeleton: str
) -> mount.Mount | None:
    """Return the mount of the app's layers over the pod's ``stage1/rootfs``, which is empty, with
    paths that begin in the pod's directory; None for a pod with copies.

    Reading needs no upper directory: what the pod wrote is one more layer, and deleted files are
    hidden by it all the same.
    """
    if not os.path.lexists(tree.overlay_marker):
        if not os.path.isdir(tree.app_rootfs(app)):
            raise EndedError(f"app {app} has no files", hint=f"see: rktpy status {pod.uuid}")
        return None
    tree_id, stage1_id = read_text(tree.app_tree_id(app)), read_text(tree.stage1_tree_id)
    trees = Trees(pod.layout)
    if not tree_id or not os.path.isdir(trees.rootfs(tree_id)):
        raise EndedError(f"the image of app {app} is not in the store any more")
    lowers = trees.lowers(tree_id)
    if skeleton:
        lowers.append(f"{trees.rootfs(stage1_id)}/{skeleton}")
    upper, target = _HERE.overlay_upper(tree_id, app), _HERE.stage1_rootfs
    has_upper = os.path.isdir(tree.overlay_upper(tree_id, app))
    if writable:
        if not has_upper:
            raise EndedError(f"app {app} was never started")
        # The kernel refuses the work directory of a volatile overlay a second time. No app has a
        # dot in its name, and the lock is ours alone.
        work = tree.overlay_work(tree_id, f"{app}.cp")
        remove_tree(work)
        os.mkdir(work, 0o755)
        work = _HERE.overlay_work(tree_id, f"{app}.cp")
        return mount.overlay(lowers, upper, work, target).replace(flags=_FENCE)
    if has_upper:
        lowers.insert(0, upper)
    if len(lowers) == 1:
        return mount.bind(lowers[0], target)
    return mount.overlay_of(lowers, target).replace(flags=_FENCE | syscalls.MS_RDONLY)
