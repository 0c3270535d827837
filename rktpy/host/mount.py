"""Mounts of this process's namespace: make, undo, list.

``Mount`` values are plans; pure code builds them, ``execute`` carries them out. Nothing here
follows a path that came from an image: callers resolve those first (``host.rootpath``).
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


def overlay(lowers: Sequence[str], upper: str, work: str, target: str) -> Mount:
    """Plan an overlay of ``lowers`` (strongest first) with a writable ``upper``.

    ``:`` and ``,`` in paths are escaped (rkt: common/overlay). ``volatile``: an overlay's end
    would otherwise write out the whole file system below it, other people's data included, and
    the pod's exit waits for it. A writable layer serves one run only, so a power cut in it loses
    nothing that could be used again (docs/adr/0009-volatile-layers.md); fsync(2) is without
    effect in the layer, and has its effect in volumes.
    """
    found = overlay_of(lowers, target)
    options = f"{found.options},upperdir={_escape(upper)},workdir={_escape(work)},volatile"
    return _checked(found.replace(options=options), len(lowers))


def overlay_of(layers: Sequence[str], target: str) -> Mount:
    """Plan an overlay of at least two ``layers`` (strongest first) that cannot be written."""
    lower = ":".join(_escape(path) for path in layers)
    return _checked(Mount("overlay", target, "overlay", 0, f"lowerdir={lower}"), len(layers))


def _checked(plan: Mount, layers: int) -> Mount:
    if len(plan.options) >= _PAGE:
        raise MountError(f"too many layers to mount on {plan.target!r} ({layers})")
    return plan


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
