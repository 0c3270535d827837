"""The directory above the layers of an image, made as ``store.tying`` says.

Layers are checked content of a stranger: nothing here follows a link of one. A path is only looked
up where its parent was found to be a directory, and layers do not change.
"""

from __future__ import annotations

import errno
import os
import stat

from rktpy.host.tree.xattrs import copy_xattrs
from rktpy.resource import Resource
from rktpy.store.layers import OPAQUE
from rktpy.store.tying import ABSENT, DELETED, DIRECTORY, OTHER, Node, tie_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.host.archive.ends import LooseEnds
    from rktpy.store.tying import Copy, Top

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_RANGE = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
_PIECE = 1 << 20


def fill_top(target: str, layers: Sequence[str], ends: Sequence[LooseEnds]) -> None:
    """Fill the empty directory ``target``, above ``layers`` (their roots, the base first).

    Raises:
        ArchiveError: the layers do not fit together.
        OSError: the disk is full.
    """
    with _Disk(layers) as disk:
        top = tie_up(disk, ends)
        fd = os.open(target, _DIR)
        try:
            _fill(fd, top, disk)
        finally:
            os.close(fd)


def root_is_opaque(rootfs: str) -> bool:
    """Return whether a layer hides all below it, which overlayfs does not see for itself."""
    return _opaque(rootfs)


class _Disk(Resource):
    """The layers of a stack as they lie on the disk."""

    def __init__(self, layers: Sequence[str]) -> None:
        self.fds: list[int] = []
        self._names: dict[int, dict[int, list[bytes]]] = {}
        try:
            for path in layers:
                self.fds.append(os.open(path, _DIR))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        while self.fds:
            os.close(self.fds.pop())

    def node(self, layer: int, path: bytes) -> Node:
        try:
            info = os.stat(path or b".", dir_fd=self.fds[layer], follow_symlinks=False)
        except FileNotFoundError:
            return Node(ABSENT)
        if stat.S_ISDIR(info.st_mode):
            fd = os.open(path or b".", _DIR, dir_fd=self.fds[layer])
            try:
                return Node(DIRECTORY, _opaque(fd))
            finally:
                os.close(fd)
        deleted = stat.S_ISCHR(info.st_mode) and not info.st_rdev
        return Node(DELETED if deleted else OTHER)

    def same_file(self, layer: int, path: bytes) -> Sequence[bytes]:
        info = os.stat(path, dir_fd=self.fds[layer], follow_symlinks=False)
        if info.st_nlink == 1:
            return (path,)
        if layer not in self._names:
            self._names[layer] = _linked_names(self.fds[layer])
        return sorted(self._names[layer][info.st_ino])


def _linked_names(fd: int) -> dict[int, list[bytes]]:
    """Return the names of each file of a layer that has several."""
    found: dict[int, list[bytes]] = {}
    pending = [b""]
    while pending:
        directory = pending.pop()
        opened = os.open(directory or b".", _DIR, dir_fd=fd)
        try:
            with os.scandir(opened) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    path = directory + b"/" + name if directory else name
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(path)
                        continue
                    info = entry.stat(follow_symlinks=False)
                    if info.st_nlink > 1:
                        found.setdefault(info.st_ino, []).append(path)
        finally:
            os.close(opened)
    return found


def _opaque(target: str | int) -> bool:
    try:
        return os.getxattr(target, OPAQUE) == b"y"
    except OSError:
        return False


def _fill(fd: int, top: Top, disk: _Disk) -> None:
    for path, _layer in top.directories:
        os.mkdir(path, 0o700, dir_fd=fd)
    for path in top.deleted:
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 0), dir_fd=fd)
    for copy in top.files:
        _copy(disk.fds[copy.layer], copy, fd)
    # Children before parents: writing into a directory changes its time.
    for path, layer in reversed(((b"", top.root), *top.directories)):
        _settle_directory(fd, path, disk.fds[layer] if layer >= 0 else -1)


def _settle_directory(fd: int, path: bytes, layer: int) -> None:
    opened = os.open(path or b".", _DIR, dir_fd=fd)
    try:
        if layer < 0:
            os.fchown(opened, 0, 0)
            os.fchmod(opened, 0o755)
            os.utime(opened, ns=(0, 0))
            return
        source = os.open(path or b".", _DIR, dir_fd=layer)
        try:
            _like(opened, source)
        finally:
            os.close(source)
    finally:
        os.close(opened)


def _copy(layer: int, copy: Copy, fd: int) -> None:
    first, *others = copy.names
    info = os.stat(copy.source, dir_fd=layer, follow_symlinks=False)
    if stat.S_ISREG(info.st_mode):
        _copy_file(layer, copy.source, fd, first)
    else:
        if stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(copy.source, dir_fd=layer), first, dir_fd=fd)
        else:
            os.mknod(first, stat.S_IFMT(info.st_mode) | 0o600, info.st_rdev, dir_fd=fd)
        os.chown(first, info.st_uid, info.st_gid, dir_fd=fd, follow_symlinks=False)
        if not stat.S_ISLNK(info.st_mode):
            os.chmod(first, stat.S_IMODE(info.st_mode), dir_fd=fd)  # we just made it: no link
        times = (info.st_mtime_ns, info.st_mtime_ns)
        os.utime(first, ns=times, dir_fd=fd, follow_symlinks=False)
    for name in others:
        os.link(first, name, src_dir_fd=fd, dst_dir_fd=fd, follow_symlinks=False)


def _copy_file(layer: int, source: bytes, fd: int, name: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=layer)
    try:
        writing = os.open(name, flags, 0o600, dir_fd=fd)
        try:
            _copy_data(reading, writing)
            _like(writing, reading)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy_data(source: int, target: int) -> None:
    try:
        while os.copy_file_range(source, target, 1 << 30):
            pass
        return
    except OSError as error:
        if error.errno not in _NO_RANGE:
            raise
    os.lseek(source, 0, os.SEEK_SET)
    os.lseek(target, 0, os.SEEK_SET)
    while piece := os.read(source, _PIECE):
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]


def _like(target: int, source: int) -> None:
    """Give an open file or directory owner, mode, attributes and time of another."""
    info = os.fstat(source)
    os.fchown(target, info.st_uid, info.st_gid)
    os.fchmod(target, stat.S_IMODE(info.st_mode))  # after chown, which clears setuid
    copy_xattrs(source, target)
    os.utime(target, ns=(info.st_mtime_ns, info.st_mtime_ns))
