"""The pod's trees: stage1 with every app below it, as overlays or as plain copies.

pods/run/<uuid>/
├── stage1/rootfs                              stage1's tree, mounted (or copied)
│   └── opt/stage2/<app>/rootfs                an app's tree, mounted (or rendered)
└── overlay/<tree id>/{upper,work}[/<app>]     what the pod has written; survives the mounts

Mounts are made in the pod's own mount namespace only, so they end with the pod and nothing is
left to unmount after a crash (design.md decision 1). For a pod in a user namespace that is also
where owners are shifted: trees and what the pod writes keep those of the image on disk.
"""

from __future__ import annotations

import os
import stat

from rktpy.host import mount
from rktpy.host.tree.copy import copy_tree
from rktpy.host.tree.rootpath import make_dir_in_root, open_in_root, stat_in_root
from rktpy.host.tree.xattrs import copy_xattrs
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rktpy.host.idmap import IdMap
    from rktpy.layout import PodTree

    # The directories of each tree by its ID, strongest first (``Trees.lowers``).
    Lowers = Mapping[str, Sequence[str]]


_LINKS = {
    "dev/fd": "/proc/self/fd",
    "dev/stdin": "/proc/self/fd/0",
    "dev/stdout": "/proc/self/fd/1",
    "dev/stderr": "/proc/self/fd/2",
    "etc/mtab": "../proc/self/mounts",
    "dev/log": "/run/systemd/journal/dev-log",
    "dev/ptmx": "pts/ptmx",
}


class AppTree(Value):
    """Where the rendered tree of one app lies in the store."""

    app: str
    tree_id: str


def make_overlay_dirs(
    tree: PodTree, lowers: Lowers, stage1_id: str, apps: Sequence[AppTree]
) -> None:
    """Create upper and work directories, modes as rkt's. May run again over its own result."""
    _overlay_dir(tree, stage1_id, "", lowers[stage1_id][0])
    # The pods' group reads statuses of apps there, as rkt's does (rkt: stage0, prepareOverlay).
    os.chown(f"{tree.root}/overlay/{stage1_id}", -1, os.stat(tree.root).st_gid)
    for app in apps:
        _overlay_dir(tree, app.tree_id, app.app, lowers[app.tree_id][0])


def mount_plan(
    tree: PodTree, lowers: Lowers, stage1_id: str, apps: Sequence[AppTree], *, skeleton: str
) -> list[mount.Overlay]:
    """Return the overlay mounts of a pod in the order they must be made. Pure.

    ``skeleton`` is a path in stage1's tree: the weakest layer of every app, which has the mount
    points that the pod needs, so that nothing must be created in each pod.
    """
    below = f"{lowers[stage1_id][-1]}/{skeleton}"
    plan = [
        mount.overlay(
            lowers[stage1_id],
            tree.overlay_upper(stage1_id),
            tree.overlay_work(stage1_id),
            tree.stage1_rootfs,
        )
    ]
    for app in apps:
        plan.append(  # noqa: PERF401 - reads better than a nested comprehension
            mount.overlay(
                [*lowers[app.tree_id], below],
                tree.overlay_upper(app.tree_id, app.app),
                tree.overlay_work(app.tree_id, app.app),
                tree.app_rootfs(app.app),
            )
        )
    return plan


def map_layers(
    tree: PodTree, lowers: Lowers, stage1_id: str, apps: Sequence[AppTree], idmap: IdMap
) -> None:
    """Shift the owners of everything the overlays will be made of, in this mount namespace.

    An overlay itself cannot be mapped (Linux 6.18), its layers can. Upper and work directories must
    be in one mount, so the directory of all of them is mapped.
    """
    ids = (stage1_id, *(app.tree_id for app in apps))
    for path in dict.fromkeys(path for tree_id in ids for path in lowers[tree_id]):
        idmap.cover(path)
    idmap.cover(f"{tree.root}/overlay")


def mount_trees(
    tree: PodTree, plan: Sequence[mount.Mount], apps: Sequence[AppTree], *, owner: int = 0
) -> None:
    """Make the mounts of ``plan`` in this (private) mount namespace.

    ``owner`` is the host's id of the pod's root.
    """
    stage1, *rest = plan
    stage1.execute()
    for app, overlay in zip(apps, rest, strict=True):
        make_app_dir(tree, app.app, owner=owner)
        overlay.execute()


def copy_trees(tree: PodTree, lowers: Lowers, stage1_id: str, apps: Sequence[AppTree]) -> None:
    """Copy the trees into the pod instead of mounting them (``--no-overlay``)."""
    copy_tree(lowers[stage1_id], tree.stage1_rootfs)
    for app in apps:
        make_app_dir(tree, app.app)
        copy_tree(lowers[app.tree_id], tree.app_rootfs(app.app))


def make_app_dir(tree: PodTree, app: str, *, owner: int = 0) -> None:
    """Create ``opt/stage2/<app>/rootfs`` in stage1, for ``owner``."""
    for path in (tree.app_dir(app), tree.app_rootfs(app)):
        try:
            os.mkdir(path, 0o755)
        except FileExistsError:
            continue
        os.chmod(path, 0o755)  # noqa: S103 - whatever the caller's umask; an app may be any user
        if owner:
            os.chown(path, owner, owner)


def prepare_app_root(rootfs: str) -> None:
    """Give the copied root of an app what the skeleton layer gives a mounted one.

    ``/etc/mtab``, the links of /dev and a sticky ``/tmp``; what the image has stays.
    The rest (device nodes, /proc, /sys) is bound by the app's unit (rkt: stage1/prepare-app).
    """
    for link, target in _LINKS.items():
        directory, name = link.split("/")
        if directory == "dev" and not _exists(rootfs, directory):
            make_dir_in_root(rootfs, directory)
        _link_in_root(rootfs, directory, name, target)
    if not _exists(rootfs, "tmp"):
        make_dir_in_root(rootfs, "tmp", mode=0o1777)


def _link_in_root(rootfs: str, directory: str, name: str, target: str) -> None:
    """Create a link in a directory of an image, unless the directory or the name says no."""
    try:
        fd = open_in_root(rootfs, directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # an image without /etc gets no mtab
    try:
        os.symlink(target, name, dir_fd=fd)
    except FileExistsError:
        pass  # the image brought its own
    finally:
        os.close(fd)


def _exists(rootfs: str, path: str) -> bool:
    """Return whether the image has anything at ``path``, be it a link that leads nowhere."""
    try:
        stat_in_root(rootfs, path, follow=False)
    except OSError:
        return False
    return True


def _overlay_dir(tree: PodTree, tree_id: str, app: str, root: str) -> None:
    """Make the directories; the app sees its root as the upper one is, so that is like ``root``."""
    info = os.stat(root)
    upper, work = tree.overlay_upper(tree_id, app), tree.overlay_work(tree_id, app)
    for path in (f"{tree.root}/overlay", f"{tree.root}/overlay/{tree_id}"):
        _mkdir(path, 0o750)
    for base, path in ((tree.overlay_upper(tree_id), upper), (tree.overlay_work(tree_id), work)):
        _mkdir(base, 0o755)
        _mkdir(path, 0o755)
    os.chown(upper, info.st_uid, info.st_gid)
    os.chmod(upper, stat.S_IMODE(info.st_mode))
    copy_xattrs(root, upper)


def _mkdir(path: str, mode: int) -> None:
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return
    os.chmod(path, mode)  # drops the umask and the setgid bit inherited from pods/*
