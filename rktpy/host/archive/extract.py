"""Writes the members of a checked archive below the current directory.

Nothing here follows a link: every parent was made by this extraction and is remembered as a
directory, names are opened with ``O_EXCL`` or ``O_NOFOLLOW``, and the process is chrooted
besides. Order of acts per file: create, write, owner, mode, attributes, times.
"""

from __future__ import annotations

import errno
import os
import stat

from rktpy.host.archive import digest as archive_digest
from rktpy.host.archive.limits import (
    WELL_KNOWN_DEVICES,
    ArchiveError,
    ArchiveLimitError,
    Devices,
    Limits,
    shown,
)
from rktpy.host.archive.reader import BLOCK_DEVICE, CHAR, DIR, FIFO, FILE, SYMLINK, Member
from rktpy.host.tree.xattrs import keeps_xattr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Pieces = Callable[[Member], Iterable[bytes | memoryview]]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SPECIAL = {CHAR: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}
_CAPABILITY = b"security.capability"
_CAPABILITY_SIZES = (12, 20, 24)


def check_member(member: Member, devices: str, limits: Limits) -> None:
    """Refuse what no tree may hold, whoever extracts it.

    Raises:
        ArchiveError: a device that ``devices`` does not allow, or a forged attribute.
    """
    if member.kind in (CHAR, BLOCK_DEVICE):
        node = (member.kind, *member.device)
        allowed = devices == Devices.ALL or (
            devices == Devices.LISTED and node in WELL_KNOWN_DEVICES
        )
        # 0:0 is how overlayfs writes "deleted": never from an image.
        if not allowed or member.device == (0, 0):
            kind = "character" if member.kind == CHAR else "block"
            raise ArchiveError(
                f"device node not allowed: {shown(member.name)}"
                f" ({kind} {member.device[0]}:{member.device[1]})",
            )
    if member.xattrs:
        total = sum(len(key) + len(value) for key, value in member.xattrs.items())
        if total > limits.xattrs:
            raise ArchiveLimitError(
                f"extended attributes of {shown(member.name)} are larger than {limits.xattrs} bytes"
            )
        capability = member.xattrs.get(_CAPABILITY)
        if capability is not None and len(capability) not in _CAPABILITY_SIZES:
            raise ArchiveError(f"malformed security.capability of {shown(member.name)}")


class Extractor:
    """Creates members below the current directory and remembers a digest of each.

    ``owners`` false (not root) leaves out owners, devices and attributes but ``user.*``. ``size``
    is the apparent size of what was made, complete after ``finish``; ``digests`` maps each path
    to its entry digest.
    """

    def __init__(self, *, owners: bool = True) -> None:
        self._owners = owners
        self._dirs: dict[bytes, int | None] = {}  # path -> time to restore
        self.size = 0
        self.digests: dict[bytes, bytes] = {}
        self.warnings: list[str] = []
        self._dirs[b""] = None  # the current directory itself
        self.implicit(b"")

    def implicit(self, path: bytes, mtime: int | None = None) -> None:
        """Make a directory the archive does not mention: root's, 0755, by default from now."""
        self._make_dir(path)
        self._dirs[path] = mtime
        self._settle_dir(path, 0o755, (0, 0))
        self.digests[path] = archive_digest.entry_digest(b"d", 0o755, (0, 0), b"", {})

    def write(self, path: bytes, member: Member, pieces: Pieces) -> None:
        """Create ``member``, which is not a hard link, at ``path``; its parents are there."""
        try:
            if member.kind == FILE:
                self._file(path, member, pieces)
            elif member.kind == DIR:
                self._dir(path, member)
            elif member.kind == SYMLINK:
                self._symlink(path, member)
            else:
                self._node(path, member)
        except OSError as error:
            raise _refusal(member, error) from error

    def link(self, path: bytes, target: bytes, member: Member) -> None:
        """Make ``path`` a hard link of ``target``, which this extraction created."""
        try:
            os.link(target, path, follow_symlinks=False)
        except OSError as error:
            raise _refusal(member, error) from error
        self.digests[path] = self.digests[target]

    def whiteout(self, path: bytes) -> None:
        """Make what overlayfs takes for "deleted"; the kernel asks no capability for this one."""
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))
        if self._owners:
            os.lchown(path, 0, 0)
        self.digests[path] = archive_digest.entry_digest(b"c", 0, (0, 0), b"0:0", {})

    def rename(self, path: bytes, to: bytes) -> None:
        """Give what is not a directory a new name; nothing is there."""
        os.rename(path, to)
        self.digests[to] = self.digests.pop(path)

    def strip(self, path: bytes) -> None:
        """Take its attributes from a directory that is described once more."""
        for name in os.listxattr(path or b"."):
            if keeps_xattr(os.fsencode(name)):
                os.removexattr(path or b".", name)

    def remove(self, path: bytes) -> list[bytes]:
        """Remove what this extraction made at ``path`` and below; return all paths of it."""
        gone, pending = [], [path]
        while pending:
            one = pending.pop()
            gone.append(one)
            del self.digests[one]
            if one in self._dirs:
                pending.extend(one + b"/" + name for name in os.listdir(one))
                continue
            info = os.lstat(one)
            self.size -= info.st_size if info.st_nlink == 1 else 0
            os.unlink(one)
        for one in reversed(gone):  # parents come before children there
            if one in self._dirs:
                del self._dirs[one]
                os.rmdir(one)
        return gone

    def finish(self) -> str:
        """Restore directory times and return the content hash of the tree."""
        for path, mtime in self._dirs.items():
            self.size += os.lstat(path or b".").st_size
            if mtime is not None:
                os.utime(path or b".", ns=(mtime, mtime))
        return archive_digest.combine(self.digests)

    def _file(self, path: bytes, member: Member, pieces: Pieces) -> None:
        owner = (member.uid, member.gid)
        crc = 0
        fd = os.open(path, _NEW, 0o600)
        try:
            for piece in pieces(member):
                crc = archive_digest.crc32(piece, crc)
                written = os.write(fd, piece)
                while written < len(piece):
                    written += os.write(fd, piece[written:])
            if self._owners:
                os.fchown(fd, *owner)
            os.fchmod(fd, member.mode)  # after chown, which clears setuid
            xattrs = self._set_xattrs(fd, member) if member.xattrs else {}
            os.utime(fd, ns=(member.mtime, member.mtime))
        finally:
            os.close(fd)
        self.size += member.size
        detail = archive_digest.file_detail(member.size, crc)
        self.digests[path] = archive_digest.entry_digest(b"f", member.mode, owner, detail, xattrs)

    def _dir(self, path: bytes, member: Member) -> None:
        owner = (member.uid, member.gid)
        self._make_dir(path)
        self._settle_dir(path, member.mode, owner)
        xattrs = self._set_xattrs(path or b".", member) if member.xattrs else {}
        self._dirs[path] = member.mtime
        self.digests[path] = archive_digest.entry_digest(b"d", member.mode, owner, b"", xattrs)

    def _symlink(self, path: bytes, member: Member) -> None:
        owner = (member.uid, member.gid)
        os.symlink(member.link, path)
        if self._owners:
            os.lchown(path, *owner)
        os.utime(path, ns=(member.mtime, member.mtime), follow_symlinks=False)
        self.size += len(member.link)
        self.digests[path] = archive_digest.entry_digest(b"l", 0, owner, member.link, {})

    def _node(self, path: bytes, member: Member) -> None:
        kind, owner, detail = member.kind, (member.uid, member.gid), b""
        if kind != FIFO:
            if not self._owners:
                self._warn("leaving out device nodes: only root can make them")
                return
            detail = b"%d:%d" % member.device
        os.mknod(path, _SPECIAL[kind] | 0o600, os.makedev(*member.device))
        if self._owners:
            os.lchown(path, *owner)
        os.chmod(path, member.mode)  # we just made it: no link
        os.utime(path, ns=(member.mtime, member.mtime), follow_symlinks=False)
        self.digests[path] = archive_digest.entry_digest(
            kind.encode(), member.mode, owner, detail, {}
        )

    def _make_dir(self, path: bytes) -> None:
        if path not in self._dirs:
            os.mkdir(path, 0o700)
            self._dirs[path] = None

    def _settle_dir(self, path: bytes, mode: int, owner: tuple[int, int]) -> None:
        if self._owners:
            os.chown(path or b".", *owner)
        # Also undoes a setgid bit inherited from above.
        os.chmod(path or b".", mode if self._owners else mode | 0o700)

    def _set_xattrs(self, target: int | bytes, member: Member) -> dict[bytes, bytes]:
        """Set the attributes an image may have; return those that are there now."""
        found = {}
        for key, value in member.xattrs.items():
            if not keeps_xattr(key):
                continue
            if key == _CAPABILITY and (member.kind != FILE or not self._owners):
                continue
            try:
                os.setxattr(target, key, value)
                found[key] = value
            except OSError as error:
                if error.errno != errno.ENOTSUP or key == _CAPABILITY:
                    raise
                self._warn("the file system of the store cannot keep extended attributes")
        return found

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)


def _refusal(member: Member, error: OSError) -> Exception:
    """Say what went wrong in the terms of the archive; a full disk stays what it is."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return error
    if error.errno == errno.EEXIST:
        # Only a filesystem that folds names gets here: duplicates were refused before.
        return ArchiveError(f"duplicate file entry in archive: {shown(member.name)}")
    reason = os.strerror(error.errno or 0).lower()
    return ArchiveError(f"cannot extract {shown(member.name)}: {reason}")
