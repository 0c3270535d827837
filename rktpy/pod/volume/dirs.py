"""The directories behind ``empty`` volumes, below the pod and deleted with it."""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host.tree.rootpath import resolve_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.pod.volume.resolve import ResolvedMount


class VolumeDirError(RktError):
    """An empty volume cannot be created or filled."""


def make_volume_dir(mount: ResolvedMount, rootfs: str, *, first_id: int = 0) -> None:
    """Create the directory of an ``empty`` volume unless it is there already.

    ``first_id`` is where the pod's ids start on the host: the directory is in a mapped mount.

    With ``seed_from_image`` it starts as what the image has at the mount's target: mode, owner
    and content (rkt does so for images that came from docker).

    Raises:
        VolumeDirError: the directory cannot be made, or its content not copied.
    """
    try:
        os.makedirs(os.path.dirname(mount.source), mode=0o755, exist_ok=True)
        os.mkdir(mount.source, 0o700)
    except FileExistsError:
        return  # another app of the pod shares it
    except OSError as error:
        raise VolumeDirError(f"cannot create volume {mount.volume!r}") from error
    seed = f"{rootfs}{resolve_in_root(rootfs, mount.target)}" if mount.seed_from_image else ""
    if seed and os.path.isdir(seed):
        _copy(seed, mount.source)
        return
    os.chown(mount.source, first_id + mount.uid, first_id + mount.gid)
    os.chmod(mount.source, mount.mode)


def _copy(seed: str, target: str) -> None:
    """Copy with owners, times, extended attributes, hard links and holes: cp(1) does it right."""
    from rktpy.host import process

    # -T: the directory itself, with its mode and owner; links in it stay links.
    process.run(["cp", "-a", "-T", "--", seed, target], timeout=600)
