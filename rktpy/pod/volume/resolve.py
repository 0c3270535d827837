"""Which volume an app gets at which path.

Pure: answers with data and warnings; others create directories, copy content and mount
(rkt: stage1/init/common/mount.go).
"""

from __future__ import annotations

from rktpy.appc.volume import Volume, VolumeKind
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.pod.app.users import DOCKER_ANNOTATION
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.appc.app import App
    from rktpy.appc.image import ImageManifest
    from rktpy.appc.pod import Mount, PodManifest, RuntimeApp
    from rktpy.layout import PodTree


# systemd reads the mount table anew for each of an app's mounts, and each service has a copy of it:
# 1000 mounts start in 1.5 s, 2000 in 3.3 s, 10000 not in a minute.
MAX_MOUNTS = 2000


class VolumeError(RktError):
    """An app asks for a volume that is not there, or a pod for too many."""


class ResolvedMount(Value):
    """One volume at one path of one app.

    ``source`` is a path of the host: for an ``empty`` volume the directory below the pod,
    which must be created with ``mode``, ``uid`` and ``gid`` if it is not there. ``target`` is
    as it was typed and may lead through links of the image: resolve it in the app's root.
    ``seed_from_image``: the new directory starts with mode, owner and content of ``target``, if the
    image has that.
    """

    volume: str
    source: str
    target: str
    read_only: bool
    recursive: bool
    kind: str
    implicit: bool = False
    seed_from_image: bool = False
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


class Resolution(Value):
    """The mounts of one app in the order they must be made, and what the user should know."""

    mounts: tuple[ResolvedMount, ...]
    warnings: tuple[str, ...]


def resolve_mounts(
    manifest: PodManifest,
    runtime: RuntimeApp,
    app: App,
    image: ImageManifest,
    *,
    tree: PodTree,
    recursive: bool = True,
) -> Resolution:
    """Return where ``app``, the effective app section of ``runtime``, gets which volume.

    Explicit mounts come first, then the app's mount points that none of them covers: each takes
    the volume of its name, or an empty one made for it. ``tree`` says where empty volumes lie;
    ``recursive`` is what a volume means that does not say.

    Raises:
        VolumeError: a mount names a volume that is not there.
    """
    by_name = {volume.name: volume for volume in manifest.volumes}
    points = {point.name: point.read_only for point in app.mount_points}
    found: dict[str, ResolvedMount] = {}  # by cleaned path: the first at a path wins
    warnings: list[str] = []
    place = _Place(tree, recursive)
    for mount in runtime.mounts:
        volume = mount.app_volume or by_name.get(mount.volume)
        if volume is None:
            raise VolumeError(f"could not find volume {mount.volume}")
        put = place.put(volume, mount.path, read_only=points.get(volume.name, False))
        found.setdefault(clean_path(mount.path), put)
    for point in app.mount_points:
        path = clean_path(point.path)
        if path in found:
            continue
        if (volume := by_name.get(point.name)) is not None:
            found[path] = place.put(volume, point.path, read_only=point.read_only)
            continue
        seeded = image.annotation(DOCKER_ANNOTATION) is not None
        warnings += _implicit_warnings(point.name, from_docker=seeded)
        made = Volume.empty(f"{runtime.name}-{point.name}")
        implicit = place.put(made, point.path, read_only=point.read_only)
        found[path] = implicit.replace(implicit=True, seed_from_image=seeded)
    return Resolution(tuple(found.values()), tuple(warnings))


def check_number(manifest: PodManifest) -> None:
    """Refuse a pod with so many mounts that starting it would take minutes.

    Raises:
        VolumeError: with both numbers.
    """
    count = sum(
        len(app.mounts) + (len(app.app.mount_points) if app.app else 0) for app in manifest.apps
    )
    if count > MAX_MOUNTS:
        raise VolumeError(f"pod has {count} mounts, {MAX_MOUNTS} are possible")


def merge_mounts(app: Iterable[Mount], everywhere: Iterable[Mount]) -> tuple[Mount, ...]:
    """Return the app's own mounts and then those for every app; the first at a path wins."""
    merged: dict[str, Mount] = {}
    for mount in (*app, *everywhere):
        merged.setdefault(clean_path(mount.path), mount)
    return tuple(merged.values())


def clean_path(path: str) -> str:
    """Return ``path`` absolute, without empty components, ``.`` and ``..``: by its text alone."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts[-1:] = ()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


class _Place(Value):
    """What every volume of a pod is resolved against."""

    tree: PodTree
    recursive: bool

    def put(self, volume: Volume, path: str, *, read_only: bool) -> ResolvedMount:
        """Return ``volume`` at ``path``; what the volume says wins over ``read_only``, in both
        directions: a mount point only fills the gap."""
        empty = volume.kind == VolumeKind.EMPTY
        return ResolvedMount(
            volume=volume.name,
            source=self.tree.shared_volume(volume.name) if empty else volume.source,
            target=path,
            read_only=read_only if volume.read_only is None else volume.read_only,
            recursive=self.recursive if volume.recursive is None else volume.recursive,
            kind=volume.kind,
            mode=int(volume.mode or "0755", 8),
            uid=volume.uid or 0,
            gid=volume.gid or 0,
            seed_from_image=bool(volume.copy_up),
        )


def _implicit_warnings(point: str, *, from_docker: bool) -> list[str]:
    warnings = [
        f"warning: no volume specified for mount point {quote(point)}, implicitly creating an"
        ' "empty" volume. This volume will be removed when the pod is garbage-collected.'
    ]
    if from_docker:
        warnings.append(
            "Docker converted image, initializing implicit volume with data contained at the"
            f" mount point {quote(point)}."
        )
    return warnings
