"""Volumes of a pod in a user namespace: the pod's user 5 is the host's 5 in them.

Empty volumes lie below the pod, in one mapped mount. All volumes are mounted in the app's tree
here, each mount below one of the host with a mapping of its own; systemd-nspawn's option
``idmap`` leaves those out. /dev cannot be mapped: of a device the app gets a node of its own.
"""

from __future__ import annotations

import os
import stat

from rktpy.appc.volume import VolumeKind
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host import mount as mounting
from rktpy.host import syscalls
from rktpy.host.tree.rootpath import make_dir_in_root, make_file_in_root, open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.host.idmap import IdMap
    from rktpy.layout import PodTree
    from rktpy.pod.volume.resolve import ResolvedMount


class MappedVolumeError(RktError):
    """A volume cannot be mounted in an app's tree."""


def map_empty_volumes(tree: PodTree, idmap: IdMap) -> None:
    """Make the directory of all empty volumes a mapped mount."""
    os.makedirs(tree.shared_volumes, mode=0o755, exist_ok=True)
    idmap.cover(tree.shared_volumes)


def attach_volume(
    mount: ResolvedMount, target: str, rootfs: str, idmap: IdMap, *, tree: PodTree
) -> list[str]:
    """Mount a volume whose source exists at ``target``, a path without links, in the app's tree.

    A missing target is created. Returns the mount points of the host in which owners show as they
    are, because their file systems cannot be mapped.

    Raises:
        MappedVolumeError: the target cannot be made, or is a file and the source is none.
    """
    make = make_dir_in_root if os.path.isdir(mount.source) else make_file_in_root
    try:
        make(rootfs, target, owner=idmap.first)
        fd = open_in_root(rootfs, target, os.O_PATH)
        try:
            found = os.stat(mount.source)
            if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
                node = _node(f"{tree.devices}/{mount.volume}", found, idmap)
                mounting.bind(node, f"/proc/self/fd/{fd}").execute()
                return []
            return idmap.bind(
                mount.source,
                fd,
                read_only=mount.read_only,
                recursive=mount.recursive,
                mapped=mount.kind == VolumeKind.EMPTY,
            )
        finally:
            os.close(fd)
    except OSError as error:
        raise MappedVolumeError(
            f"cannot mount volume {quote(mount.volume)} at {quote(mount.target)}"
        ) from error


def _node(path: str, device: os.stat_result, idmap: IdMap) -> str:
    """Make ``path`` a node of ``device`` with the owner that the pod takes for the host's."""
    directory = os.path.dirname(path)
    if not os.path.ismount(directory):
        os.makedirs(directory, mode=0o755, exist_ok=True)
        flags = syscalls.MS_NOSUID | syscalls.MS_NOEXEC
        mounting.Mount("tmpfs", directory, "tmpfs", flags, "mode=0755").execute()
    if not os.path.lexists(path):  # apps share it
        os.mknod(path, stat.S_IFMT(device.st_mode) | 0o600, device.st_rdev)
        ids = (device.st_uid, device.st_gid)
        os.chown(path, *(idmap.first + (number if number < idmap.count else 0) for number in ids))
        os.chmod(path, stat.S_IMODE(device.st_mode))
    return path
