"""Puts what a tar stream says into a directory that may already have something in it.

For ``cp``: unlike the extraction of images it merges. Directories that are there stay, files are
replaced, each as a whole; a file never takes the place of a directory or the other way round.
Stream and directory may both belong to strangers, and the directory may change meanwhile: every
step goes from an open directory to a name in it and follows no link, so nothing outside is
reached. The caller has chrooted into the directory besides, where it is root.
"""

from __future__ import annotations

import errno
import os
import stat

from rktpy.errors import RktError
from rktpy.host.archive.extract import check_member
from rktpy.host.archive.limits import ArchiveError, Devices, Limits, shown
from rktpy.host.archive.reader import BLOCK_DEVICE, CHAR, DIR, FIFO, FILE, LINK, SYMLINK
from rktpy.host.archive.unpack import split_name
from rktpy.host.tree import aside
from rktpy.host.tree.xattrs import keeps_xattr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.host.archive.reader import Member, TarReader

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SPECIAL = {CHAR: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}
_HOLE = 1 << 12
_NOTHING = b"\0" * (1 << 18)


class InTheWayError(RktError):
    """Something of another kind has the place of what is to be copied."""


class Receiver:
    """Writes members below the directory ``base``, an open descriptor that the caller keeps.

    ``archive`` keeps owners, all modes, attributes and devices; without it everything belongs to
    us, setuid and setgid bits are dropped and devices are left out. ``warnings`` says what was.
    """

    def __init__(self, base: int, *, archive: bool) -> None:
        self.warnings: list[str] = []
        self._base = base
        self._archive = archive
        self._limits = Limits()
        self._parent: tuple[list[bytes], int] = ([], os.dup(base))
        self._times: dict[bytes, int] = {}  # directories, whose times change until the end
        self._swept: tuple[int, int] = (0, 0)  # device and inode of a directory

    def receive(self, reader: TarReader, members: Iterable[tuple[list[bytes], Member]]) -> None:
        """Write ``members``: where each goes, as components below the base, and what it is.

        Raises:
            InTheWayError, ArchiveError: one cannot or must not be written; others may be there.
            OSError: the disk is full, the directory read-only, …
        """
        devices = Devices.ALL if self._archive else Devices.NONE
        for parts, member in members:
            if member.kind in (CHAR, BLOCK_DEVICE) and not self._archive:
                self.warnings.append(f"leaving out device node {shown(member.name)}")
                continue
            check_member(member, devices, self._limits)
            try:
                self._write(parts, member, reader)
            except OSError as error:
                error.filename = shown(b"/".join(parts) or b".")
                raise
        for path, mtime in self._times.items():
            fd = self._walk(path.split(b"/") if path else [])
            os.utime(fd, ns=(mtime, mtime))

    def _write(self, parts: list[bytes], member: Member, reader: TarReader) -> None:
        if not parts:
            if member.kind != DIR:
                raise InTheWayError("a file cannot take the place of the directory")
            return  # the base itself stays what it is
        parent, name = self._walk(parts[:-1]), parts[-1]
        there = _kind(parent, name)
        if (there == DIR) != (member.kind == DIR) and there:
            what = "file" if there == DIR else "directory"
            raise InTheWayError(
                f"cannot replace {shown(b'/'.join(parts))} by a {what}",
                hint="remove it first, or copy to another place",
            )
        if member.kind == DIR:
            self._dir(parent, parts, member, there)
            return
        if there:
            self._sweep(parent)
        made, held = aside.new_name() if there else name, -1
        try:
            held = self._make(parent, made, member, reader)
            if made != name:
                os.rename(made, name, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            _discard(parent, made)
            raise
        finally:
            if held >= 0:
                os.close(held)

    def _sweep(self, parent: int) -> None:
        """Remove what a killed ``cp`` left in a directory, once while we are in it."""
        status = os.fstat(parent)
        if (status.st_dev, status.st_ino) != self._swept:
            self._swept = (status.st_dev, status.st_ino)
            aside.sweep(parent)

    def _dir(self, parent: int, parts: list[bytes], member: Member, there: str) -> None:
        if not there:
            os.mkdir(parts[-1], 0o700, dir_fd=parent)
        elif not self._archive:
            return
        fd = os.open(parts[-1], _DIRECTORY, dir_fd=parent)
        try:
            self._settle(fd, member)
        finally:
            os.close(fd)
        self._times[b"/".join(parts)] = member.mtime

    def _make(self, parent: int, name: bytes, member: Member, reader: TarReader) -> int:
        """Make ``member``; return a descriptor that says that it is in use, -1 if none does."""
        if member.kind == FILE:
            return self._file(parent, name, member, reader)
        if member.kind == LINK:
            self._link(parent, name, member)
            return -1
        if member.kind == SYMLINK:
            os.symlink(member.link, name, dir_fd=parent)
        else:
            kind = _SPECIAL[member.kind]
            os.mknod(name, kind | self._mode(member), os.makedev(*member.device), dir_fd=parent)
        if self._archive:
            os.chown(name, member.uid, member.gid, dir_fd=parent, follow_symlinks=False)
        times = (member.mtime, member.mtime)
        os.utime(name, ns=times, dir_fd=parent, follow_symlinks=False)
        return -1

    def _file(self, parent: int, name: bytes, member: Member, reader: TarReader) -> int:
        fd = os.open(name, _NEW, 0o600, dir_fd=parent)
        try:
            aside.hold(fd)
            _fill(fd, reader.data(member), member.size)
            self._settle(fd, member)
            os.utime(fd, ns=(member.mtime, member.mtime))
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _link(self, parent: int, name: bytes, member: Member) -> None:
        parts = split_name(member.link, self._limits)
        if not parts:
            raise ArchiveError(f"hard link {shown(member.name)} leads to the directory itself")
        *above, last = parts
        source = self._open_below(above)
        try:
            os.link(last, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(source)

    def _settle(self, fd: int, member: Member) -> None:
        if self._archive:
            os.fchown(fd, member.uid, member.gid)
        os.fchmod(fd, self._mode(member))  # after chown, which clears setuid
        for key, value in member.xattrs.items() if self._archive else ():
            if keeps_xattr(key):
                os.setxattr(fd, key, value)

    def _mode(self, member: Member) -> int:
        keeps_bits = self._archive or member.kind == DIR
        return member.mode if keeps_bits else member.mode & 0o777

    def _walk(self, parts: list[bytes]) -> int:
        """Return the directory ``parts``, made where missing; ours until the next call."""
        known, fd = self._parent
        if known != parts:
            found = self._open_below(parts)
            os.close(fd)
            self._parent = (parts, found)
        return self._parent[1]

    def _open_below(self, parts: list[bytes]) -> int:
        fd = os.dup(self._base)
        for part in parts:
            try:
                below = _open_or_make(fd, part)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    path = shown(b"/".join(parts))
                    raise InTheWayError(
                        f"{path} leads through {shown(part)}, no directory"
                    ) from error
                raise
            finally:
                os.close(fd)
            fd = below
        return fd


def _open_or_make(parent: int, name: bytes) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent)
    except FileNotFoundError:
        os.mkdir(name, 0o755, dir_fd=parent)
    return os.open(name, _DIRECTORY, dir_fd=parent)


def _kind(parent: int, name: bytes) -> str:
    """Return ``DIR``, ``FILE`` for anything else that is there, or "" for nothing."""
    try:
        mode = os.lstat(name, dir_fd=parent).st_mode
    except FileNotFoundError:
        return ""
    return DIR if stat.S_ISDIR(mode) else FILE


def _fill(fd: int, pieces: Iterable[bytes | memoryview], size: int) -> None:
    """Write the content; blocks of nothing become holes."""
    position = 0
    for piece in pieces:
        if len(piece) >= _HOLE and piece == _NOTHING[: len(piece)]:
            position = os.lseek(fd, len(piece), os.SEEK_CUR)
            continue
        view = memoryview(piece)
        while view:
            view = view[os.write(fd, view) :]
        position += len(piece)
    os.ftruncate(fd, size)


def _discard(parent: int, name: bytes) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except OSError:
        pass  # never made, or not ours to remove
