"""Writes what stage1 needs to know about one pod below its root.

With overlay the files go straight into the upper directory before it is mounted: plain writes
instead of copy-ups, and readable from outside without the mount.
"""

from __future__ import annotations

import os

from rktpy.host.disks import make_node
from rktpy.nspawn.streams import FIFO
from rktpy.nspawn.unit.confine import DISKS
from rktpy.nspawn.unit.owncgroups import FS_DIRECTORY, cgroup_view
from rktpy.nspawn.unit.units import UNIT_DIR, unit_files, unit_links

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rktpy.flavour.plan import AppPlan, PodPlan
    from rktpy.layout import PodTree

_DIRECTORIES = (
    "etc", "etc/systemd", UNIT_DIR, "opt", "opt/stage2", "rkt", "rkt/env", "rkt/status", "rkt/room",
    "var", "var/log", "var/log/journal",
)  # fmt: skip
_USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"
_KNOWN_IDS = (0, 65534)


def lay_stage1(root: str, pod: PodPlan, extra: Mapping[str, bytes]) -> None:
    """Write units, identity and environment of ``pod`` below ``root``.

    ``extra`` maps further paths below ``root`` to their content (environment, hosts, …). Runs
    again over its own results: a run that was killed half-way is simply laid anew.
    """
    owner = pod.first_id
    for directory in _DIRECTORIES:
        _make_directory(f"{root}/{directory}", owner)
    for path, text in _files(pod):
        directory = os.path.dirname(path)
        if directory not in _DIRECTORIES:
            _make_directory(f"{root}/{directory}", owner)
        _write(f"{root}/{path}", text.encode("utf-8", "surrogateescape"), owner)
    for path, data in extra.items():
        _write(f"{root}/{path}", data, owner)
    for link, target in unit_links(pod).items():
        path = f"{root}/{UNIT_DIR}/{link}"
        _make_directory(os.path.dirname(path), owner)
        _link(path, target, owner)
    _lay_cgroup_views(root, pod)
    for disk in _disks(pod):
        _make_directory(f"{root}{DISKS}")
        make_node(f"{root}{DISKS}/{disk}", disk)
    if pod.handed_streams:
        _make_fifo(f"{root}/{FIFO}", owner)
    # Statuses are read from the upper directory, without the mount: force it into existence.
    os.utime(f"{root}/rkt/status")


def has_disks(root: str, pod: PodPlan) -> bool:
    """Return whether every app with limits for disks has some, and all have a node."""
    limited = [
        app.limits for app in pod.apps if app.limits.block_bandwidth or app.limits.block_iops
    ]
    return all(limits.disks for limits in limited) and all(
        os.path.exists(f"{root}{DISKS}/{disk}") for disk in _disks(pod)
    )


def expose_journal(tree: PodTree, stage1_id: str, uuid: str) -> None:
    """Make the pod's journal readable at ``stage1/rootfs/var/log/journal`` from outside its mounts.

    There ``--link-journal`` points in ``/var/log/journal``, but the overlay is mounted for the pod
    alone: everybody else sees the bare mount point, so that is where a link to the upper
    directory goes. Call it before the mount. May run again over its own result.
    """
    directory = tree.stage1_rootfs
    for name in ("var", "log", "journal"):
        directory = f"{directory}/{name}"
        _make_directory(directory)
    machine_id = uuid.replace("-", "")
    upper = tree.overlay_upper(stage1_id).removeprefix(tree.root)  # survives renames of the pod
    try:
        os.symlink(
            f"../../../../..{upper}/var/log/journal/{machine_id}", f"{directory}/{machine_id}"
        )
    except FileExistsError:
        pass


def stage1_files(pod: PodPlan) -> dict[str, str]:
    """Return every file of ``pod`` as ``{path below stage1's root: text}``. Pure."""
    return dict(_files(pod))


def _files(pod: PodPlan) -> Iterator[tuple[str, str]]:
    yield "etc/machine-id", pod.machine_id + "\n"
    yield "etc/hostname", pod.hostname
    yield "etc/passwd", _passwd(pod.apps)
    yield "etc/group", _group(pod.apps)
    for name, text in unit_files(pod).items():
        yield f"{UNIT_DIR}/{name}", text


def _lay_cgroup_views(root: str, pod: PodPlan) -> None:
    for app in pod.apps:
        if not app.sees_cgroups:
            continue
        view, top = cgroup_view(pod, app), f"{root}{FS_DIRECTORY}/{app.name}"
        places = (f"{root}{FS_DIRECTORY}", top, *(f"{top}/{name}" for name in view.directories))
        for place in places:
            _make_directory(place, pod.first_id)
        for name, target in view.links.items():
            _link(f"{top}/{name}", target, pod.first_id)


def _disks(pod: PodPlan) -> list[str]:
    return sorted({disk for app in pod.apps for disk in app.limits.disks})


def _passwd(apps: tuple[AppPlan, ...]) -> str:
    """Return a passwd that names every uid of the pod: systemd refuses ``User=`` without one."""
    uids = sorted({app.uid for app in apps} - set(_KNOWN_IDS))
    return _USERS + "".join(f"gen{uid}:x:{uid}:{uid}:gen{uid}:/:/bin/false\n" for uid in uids)


def _group(apps: tuple[AppPlan, ...]) -> str:
    gids = {gid for app in apps for gid in (app.gid, app.uid, *app.supplementary_gids)}
    return _GROUPS + "".join(f"gen{gid}:x:{gid}:\n" for gid in sorted(gids - set(_KNOWN_IDS)))


def _make_directory(path: str, owner: int = 0) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    os.chmod(path, 0o755)  # noqa: S103 - the caller's umask must not decide; stage1 is public
    if owner:
        os.chown(path, owner, owner)


def _link(path: str, target: str, owner: int) -> None:
    if not os.path.islink(path):
        os.symlink(target, path)
        os.lchown(path, owner, owner)


def _make_fifo(path: str, owner: int) -> None:
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        pass
    os.chown(path, owner, owner)


def _write(path: str, data: bytes, owner: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        os.fchmod(fd, 0o644)
        if owner:
            os.fchown(fd, owner, owner)
        while data:
            data = data[os.write(fd, data) :]
    finally:
        os.close(fd)
