"""Mount points that a pod needs in the root of an app, where the image may have links or files.

An app finds /proc, devices, /etc/hosts and the like bound into its root. An image may have a link
there: we follow it inside the root, as the app would, and hand on where it ends, because systemd
refuses links that climb (``/etc/resolv.conf -> ../run/…`` is common). What cannot be a mount point
is told before the pod starts.
"""

from __future__ import annotations

import os
import stat

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.tree.rootpath import open_in_root, resolve_in_root, stat_in_root
from rktpy.systemd.features import KERNEL_DIRECTORIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_KERNEL = ("/proc", "/sys")  # with links here, what is hidden below them would show
# systemd mounts here itself, so it cannot be told where a link ends.
SYSTEMD_INCOMING = "/run/systemd/incoming"
_OF_THE_KERNEL = ("/proc", "/sys", "/dev")
_PROVIDED = (*_OF_THE_KERNEL, "/run")


class PlaceError(RktError):
    """The image has something in a place that the pod needs."""

    def __init__(self, image: str, path: str, reason: str) -> None:
        super().__init__(f"cannot mount on {quote(path)} of image {quote(image)}: {reason}")


class WorkingDirectoryError(RktError):
    """The app's working directory is not there."""

    def __init__(self, image: str, path: str) -> None:
        super().__init__(
            f"image {quote(image)} has no working directory {quote(path)}",
            hint="choose another with --working-dir",
        )


class KernelDirectoryError(RktError):
    """The pod's systemd does not start an app there."""

    def __init__(self, path: str, systemd: int) -> None:
        super().__init__(
            f"systemd {systemd} of this host starts no app in working directory {quote(path)}",
            hint="choose one outside of /proc, /sys and /dev with --working-dir",
        )


def find_places(
    rootfs: str,
    image: str,
    directories: Iterable[str],
    files: Iterable[str],
    *,
    taken: Collection[str],
) -> dict[str, str]:
    """Return where the paths lead that are links in ``image``, as seen from ``rootfs``.

    Paths at or below ``taken``, the user's volumes, are left out.

    Raises:
        PlaceError: a path leads nowhere, or to a file where a directory is needed, or vice versa.
    """
    places = {}
    for is_directory, paths in ((True, directories), (False, files)):
        for path in paths:
            if is_below(path, taken):
                continue
            place = _place(rootfs, image, path, is_directory=is_directory)
            if place != path:
                places[path] = place
    return places


def check_working_directory(rootfs: str, image: str, path: str, *, taken: Collection[str]) -> None:
    """Refuse a working directory that ``image`` does not have and nothing provides.

    Raises:
        WorkingDirectoryError: it is missing, no directory, or a link that leads nowhere.
    """
    if is_below(path, (*taken, *_PROVIDED)):
        return
    try:
        place = resolve_in_root(rootfs, path)
        if is_below(place, (*taken, *_PROVIDED)):
            return
        found = stat_in_root(rootfs, place, follow=False)
    except OSError:
        raise WorkingDirectoryError(image, path) from None
    if not stat.S_ISDIR(found.st_mode):
        raise WorkingDirectoryError(image, path)


def check_kernel_directory(path: str, systemd: int) -> None:
    """Refuse a working directory for which systemd would refuse the app's unit.

    ``systemd`` is its major version. A unit that is refused has neither begun nor ended, and the
    pod would wait for ever.

    Raises:
        KernelDirectoryError: it is one of the kernel's, and systemd is new.
    """
    if is_below(path, _OF_THE_KERNEL) and not KERNEL_DIRECTORIES.of(systemd):
        raise KernelDirectoryError(path, systemd)


def is_below(path: str, tops: Collection[str]) -> bool:
    """Return whether ``path`` is one of ``tops`` or below one, by its text."""
    return any(path == top or path.startswith(top.rstrip("/") + "/") for top in tops)


def _place(rootfs: str, image: str, path: str, *, is_directory: bool) -> str:
    try:
        place = resolve_in_root(rootfs, path)
        if place == "/" or (place != path and _spoils(rootfs, path)):
            raise PlaceError(image, path, "is a link")
        found = stat_in_root(rootfs, place, follow=False)
    except FileNotFoundError:
        return place  # it will be created
    except OSError as error:
        raise PlaceError(image, path, os.strerror(error.errno or 0).lower()) from None
    if stat.S_ISDIR(found.st_mode) != is_directory:
        raise PlaceError(image, path, "not a directory" if is_directory else "is a directory")
    return place


def _spoils(rootfs: str, path: str) -> bool:
    """Return whether ``path``, which leads through links, is one that must not."""
    if path != SYSTEMD_INCOMING:
        return path in _KERNEL
    return any(".." in _link(rootfs, top).split("/") for top in ("/run", "/run/systemd", path))


def _link(rootfs: str, path: str) -> str:
    """Return the text of the link ``path``, "" if there is none."""
    try:
        fd = open_in_root(rootfs, path, os.O_PATH | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        return os.readlink("", dir_fd=fd) if stat.S_ISLNK(os.fstat(fd).st_mode) else ""
    finally:
        os.close(fd)
