"""Mounts of this process's namespace: make, undo, list.

``Mount`` values are plans; pure code builds them, ``execute`` carries them out. Nothing here
follows a path that came from an image: callers resolve those first (``host.tree.rootpath``).
"""

from __future__ import annotations

import errno
import os

from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PAGE = 4096  # mount(2) takes at most a page of options


class MountError(RktError):
    """The kernel refused a mount."""


class Mount(Value):
    """One mount to make: ``kind`` is a filesystem, or empty for a bind."""

    source: str
    target: str
    kind: str = ""
    flags: int = 0
    options: str = ""

    def execute(self) -> None:
        """Make the mount.

        Raises:
            MountError: the kernel says no; the text names source, target and options.
        """
        try:
            syscalls.mount(self.source, self.target, self.kind, self.flags, self.options)
        except OSError as error:
            raise MountError(
                f"error mounting {self.kind or 'bind'} {self.source!r} on {self.target!r}"
                f" with options {self.options!r}: {os.strerror(error.errno or 0)}"
            ) from error


class Overlay(Mount):
    """``layers``, strongest first, put together below ``upper`` and ``work``, if it has those."""

    layers: tuple[str, ...] = ()
    upper: str = ""
    work: str = ""

    def execute(self) -> None:
        """Make the mount. Names that are too long together for the kernel are opened and named by
        their descriptors; errors as ``Mount``."""
        if len(self.options) < _PAGE:
            super().execute()
            return
        opened: list[int] = []

        def short(path: str) -> str:
            opened.append(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
            return f"/proc/self/fd/{opened[-1]}"

        try:
            options = _options([short(path) for path in self.layers])
            if self.upper:
                options += _writable(short(self.upper), short(self.work))
            if len(options) >= _PAGE:
                raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
            syscalls.mount(self.source, self.target, self.kind, self.flags, options)
        except OSError as error:
            raise MountError(
                f"error mounting {len(self.layers)} layers on {self.target!r}:"
                f" {os.strerror(error.errno or 0)}"
            ) from error
        finally:
            for fd in opened:
                os.close(fd)


def overlay(lowers: Sequence[str], upper: str, work: str, target: str) -> Overlay:
    """Plan an overlay of ``lowers`` (strongest first) with a writable ``upper``.

    ``:`` and ``,`` in paths are escaped (rkt: common/overlay). ``volatile``: an overlay's end
    would otherwise write out the whole file system below it, other people's data included, and
    the pod's exit waits for it. A writable layer serves one run only, so a power cut in it loses
    nothing that could be used again (docs/adr/0009-volatile-layers.md); fsync(2) is without
    effect in the layer, and has its effect in volumes.
    """
    found = overlay_of(lowers, target)
    options = found.options + _writable(upper, work)
    return found.replace(options=options, upper=upper, work=work)


def overlay_of(layers: Sequence[str], target: str) -> Overlay:
    """Plan an overlay of at least two ``layers`` (strongest first) that cannot be written."""
    return Overlay("overlay", target, "overlay", 0, _options(layers), tuple(layers))


def show_merged(layers: Sequence[str]) -> str:
    """In a child made for that: mount ``layers``, strongest first, over the first of them, for the
    child alone and to be read only; return that place.

    Raises:
        MountError: the kernel says no, or we are not root.
    """
    if len(layers) == 1:
        return layers[0]
    try:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount("", "/", "", syscalls.MS_SLAVE | syscalls.MS_REC)
    except OSError as error:
        raise MountError("cannot mount the layers of an image", hint="try as root") from error
    fence = syscalls.MS_NODEV | syscalls.MS_NOSUID | syscalls.MS_NOEXEC | syscalls.MS_RDONLY
    overlay_of(layers, layers[0]).replace(flags=fence).execute()
    return layers[0]


def _options(layers: Sequence[str]) -> str:
    return "lowerdir=" + ":".join(_escape(path) for path in layers)


def _writable(upper: str, work: str) -> str:
    return f",upperdir={_escape(upper)},workdir={_escape(work)},volatile"


def bind(source: str, target: str, *, recursive: bool = False) -> Mount:
    """Plan a bind mount."""
    flags = syscalls.MS_BIND | (syscalls.MS_REC if recursive else 0)
    return Mount(source, target, "", flags)


def tmpfs(target: str, *, mode: str = "0755") -> Mount:
    """Plan a fresh tmpfs."""
    return Mount("tmpfs", target, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, f"mode={mode}")


def private_namespace() -> None:
    """Give this process a mount namespace of its own that still receives the host's mounts.

    Slave: what the host mounts later arrives, what we mount never leaves, so a killed ``run``
    leaves no mount behind (design.md decision 1). Shared again below that, because nspawn
    propagates into its container through ``/run/systemd/nspawn/propagate``.
    """
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("", "/", "", syscalls.MS_SLAVE | syscalls.MS_REC)
    syscalls.mount("", "/", "", syscalls.MS_SHARED | syscalls.MS_REC)


def unmount(target: str) -> None:
    """Unmount ``target``; a busy one is detached at once and freed by its last user."""
    try:
        syscalls.umount2(target, syscalls.UMOUNT_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        syscalls.umount2(target, syscalls.UMOUNT_NOFOLLOW | syscalls.MNT_DETACH)


def has_overlayfs() -> bool:
    """Return whether the kernel has overlayfs, loaded now if it is a module."""
    if _lists_overlay():
        return True
    from rktpy.host import process

    try:
        process.run(["modprobe", "overlay"])
    except RktError:
        return False
    return _lists_overlay()


def _lists_overlay() -> bool:
    with open("/proc/filesystems", "rb") as table:
        return b"\toverlay\n" in table.read()


def mounted_below(root: str, mountinfo: str = "/proc/self/mountinfo") -> list[str]:
    """Return mount points at or below ``root``, deepest and newest first, by path component."""
    with open(mountinfo, "rb") as table:
        lines = table.read().splitlines()
    points = (os.fsdecode(_unescape(line.split(b" ", 5)[4])) for line in lines)
    prefix = root.rstrip("/") + "/"
    found = [point for point in points if point == root or point.startswith(prefix)]
    found.reverse()
    found.sort(key=lambda point: -point.count("/"))
    return found


def _escape(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _unescape(field: bytes) -> bytes:
    """Undo the octal escapes of mountinfo (proc(5)): blank, tab, newline, backslash."""
    if b"\\" not in field:
        return field
    for code, char in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        field = field.replace(code, char)
    return field
