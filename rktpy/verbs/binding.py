"""Mounts of one app → what nspawn binds, once their directories and targets are in order."""

from __future__ import annotations

import os
import stat

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.device_fence import Device
from rktpy.host.rootpath import resolve_in_root, stat_in_root
from rktpy.nspawn.plan import BindPlan
from rktpy.pod.volume_dirs import make_volume_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.host.idmap import IdMap
    from rktpy.layout import PodTree
    from rktpy.log import Logger
    from rktpy.pod.volumes import ResolvedMount


class BindError(RktError):
    """A volume cannot be mounted where it was asked for."""


def bind(
    mount: ResolvedMount, rootfs: str, *, tree: PodTree, idmap: IdMap | None, logger: Logger
) -> BindPlan:
    """Return how ``mount`` appears in the app whose tree is at ``rootfs``.

    Creates the directory of an empty volume. With ``idmap`` a volume of the host is mounted here,
    because nspawn cannot map all of it.

    Raises:
        BindError: caused by the reason: links of the image lead nowhere, or there is a file where
            a directory should be.
        RktError: the volume cannot be made or mounted.
    """
    target = _target(mount, rootfs)
    attached = False
    if mount.kind == "empty":
        make_volume_dir(mount, rootfs, first_id=idmap.first if idmap else 0)
    elif idmap and os.path.exists(mount.source):  # nspawn says that one is missing
        from rktpy.pod.mapped_volumes import attach_volume

        for point in attach_volume(mount, rootfs, idmap, tree=tree):
            logger.warning("warning: owners in %s are not mapped", quote(point))
        attached = True
    return BindPlan(
        source=mount.source,
        target=target,
        read_only=mount.read_only,
        recursive=mount.recursive,
        device=_device(mount.source, read_only=mount.read_only),
        attached=attached,
    )


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
    is_directory = mount.kind == "empty" or os.path.isdir(mount.source)
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
