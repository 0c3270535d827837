"""Mounts of one app → what nspawn binds, once their directories and targets are in order."""

from __future__ import annotations

import os
import stat

from rktpy.appc.volume import VolumeKind
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.flavour.plan import BindPlan
from rktpy.host.device_fence import Device
from rktpy.host.tree.rootpath import resolve_in_root, stat_in_root
from rktpy.pod.volume.dirs import make_volume_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.host.idmap import IdMap
    from rktpy.layout import PodTree
    from rktpy.log import Logger
    from rktpy.pod.volume.resolve import ResolvedMount


class BindError(RktError):
    """A volume cannot be mounted where it was asked for."""


def bind_all(
    mounts: Sequence[ResolvedMount],
    rootfs: str,
    *,
    tree: PodTree,
    idmap: IdMap | None,
    logger: Logger,
) -> tuple[BindPlan, ...]:
    """Return how ``mounts`` appear in the app whose tree is at ``rootfs``, in their order.

    Creates the directories of empty volumes. With ``idmap`` the volumes are mounted here, because
    nspawn cannot map all of them.

    Raises:
        BindError: caused by the reason: links of the image lead nowhere, or there is a file where
            a directory should be.
        RktError: a volume cannot be made or mounted.
    """
    # All that looks at the image comes before anything is mounted on it.
    targets = [_target(mount, rootfs) for mount in mounts]
    for mount in mounts:
        if mount.kind == VolumeKind.EMPTY:
            if idmap and max(mount.uid, mount.gid) >= idmap.count:
                raise BindError(
                    f"uid {mount.uid} or gid {mount.gid} of volume {quote(mount.volume)} are out"
                    f" of range {idmap.count}"
                )
            make_volume_dir(mount, rootfs, first_id=idmap.first if idmap else 0)
    attached = _attach(mounts, targets, rootfs, tree, idmap, logger) if idmap else ()
    return tuple(
        BindPlan(
            source=mount.source,
            target=target,
            read_only=mount.read_only,
            recursive=mount.recursive,
            device=_device(mount.source, read_only=mount.read_only),
            attached=target in attached,
        )
        for mount, target in zip(mounts, targets, strict=True)
    )


def _attach(
    mounts: Sequence[ResolvedMount],
    targets: Sequence[str],
    rootfs: str,
    tree: PodTree,
    idmap: IdMap,
    logger: Logger,
) -> set[str]:
    """Mount what there is, outer targets first, as nspawn does; return the targets."""
    from rktpy.pod.volume.mapped import attach_volume

    attached = set()
    for target, mount in sorted(
        zip(targets, mounts, strict=True), key=lambda pair: pair[0].split("/")
    ):
        if os.path.exists(mount.source):  # nspawn says that one is missing
            for point in attach_volume(mount, target, rootfs, idmap, tree=tree):
                logger.warning("warning: owners in %s are not mapped", quote(point))
            attached.add(target)
    return attached


def _target(mount: ResolvedMount, rootfs: str) -> str:
    """Return where ``mount`` lands in the app's root, if it can."""
    try:
        target = resolve_in_root(rootfs, mount.target)
        reason = _mismatch(mount, rootfs, target)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
    if reason:
        place = f"volume {quote(mount.volume)} at {quote(mount.target)}"
        raise BindError(f"cannot mount {place}") from BindError(reason)
    return target


def _mismatch(mount: ResolvedMount, rootfs: str, target: str) -> str:
    """Return what is wrong if a directory and a file would have to cover each other."""
    try:
        on_directory = stat.S_ISDIR(stat_in_root(rootfs, target, follow=False).st_mode)
    except FileNotFoundError:
        return ""  # it will be created
    is_directory = mount.kind == VolumeKind.EMPTY or os.path.isdir(mount.source)
    if on_directory == is_directory or not (is_directory or os.path.exists(mount.source)):
        return ""
    return "is a directory" if on_directory else "not a directory"


def _device(path: str, *, read_only: bool) -> Device | None:
    """Return the device that ``path`` of the host is, if it is one."""
    try:
        found = os.stat(path)
    except OSError:
        return None  # nspawn says what is wrong with it
    if stat.S_ISBLK(found.st_mode) or stat.S_ISCHR(found.st_mode):
        kind = "b" if stat.S_ISBLK(found.st_mode) else "c"
        number = found.st_rdev
        access = "r" if read_only else "rw"
        return Device(kind, os.major(number), os.minor(number), access)
    return None
