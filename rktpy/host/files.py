"""Files that must be whole or absent."""

from __future__ import annotations

import errno
import os
import stat

from rktpy.resource import Resource

_LONGEST_START = 200  # bytes of a name; a whole one has 255 (NAME_MAX)
_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})


def write_atomic(path: str, data: bytes, *, mode: int = 0o640, durable: bool = True) -> None:
    """Make ``path`` a file holding ``data``; nobody ever sees a part of it.

    ``durable``: for what somebody wants back, such as files of the user, keys and proofs. It
    survives a power cut (fsync of file and directory), and what was there before is never missing:
    a kill leaves the old content or the new one, and at worst a hidden file beside it.

    Not ``durable``: for new files, and for old ones that can be made again or that the caller gives
    up anyway. What was there goes first, so after a kill, or for a moment, there may be none; but
    nothing is ever beside it for anybody to collect. Where the old content matters though the new
    one may be lost by a power cut, take ``rewrite``.

    Raises:
        OSError: it cannot be written; what was there before still is, if ``durable``.
    """
    with NewFile(path, mode=mode) as file:
        _write_all(file.fd, data)
        file.commit(replace=True, durable=durable)


def rewrite(path: str, data: bytes, *, mode: int = 0o640) -> None:
    """Replace the file ``path``, if it is there, so that it is never missing: whoever reads it, and
    whoever comes after a kill, finds the old content or the new one, whole. Not durable.

    For what changes while others need it, and is worth nothing after a power cut: a kill may leave
    a hidden file beside it, so only in directories that are removed as a whole, such as a pod's.
    Without the old content nobody may be able to clean up, so a full disk does not stop it:
    where there is no room for one more name the file is missing for a moment. See ``write_atomic``
    for everything else.

    Raises:
        OSError: it cannot be written.
    """
    with NewFile(path, mode=mode) as file:
        _write_all(file.fd, data)
        file.commit_beside()


def write_new(path: str, data: bytes, *, mode: int = 0o640) -> None:
    """Create ``path`` with ``data``; for files nobody reads before their directory is renamed.

    Raises:
        FileExistsError: something is there.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(fd, mode)
        _write_all(fd, data)
    finally:
        os.close(fd)


class NewFile(Resource):
    """A file that gets its name when it is whole; closing it before leaves nothing.

    Where the file system can (O_TMPFILE) not even kill -9 leaves something.
    """

    __slots__ = ("_aside", "_named", "_path", "fd")

    def __init__(self, path: str, *, mode: int = 0o644, access: int = os.O_WRONLY) -> None:
        """Open it for writing; ``fd`` is the caller's to write to, not to close."""
        directory = os.path.dirname(os.path.abspath(path))
        self._path = path
        self._aside = beside(path)
        self._named = False
        flags = access | os.O_CLOEXEC
        try:
            self.fd = os.open(directory, flags | os.O_TMPFILE, mode)
        except OSError as error:
            if error.errno not in _NAMELESS:
                raise
            self.fd = os.open(self._aside, flags | os.O_CREAT | os.O_EXCL, mode)
            self._named = True
        os.fchmod(self.fd, mode)

    def commit(self, *, replace: bool, durable: bool = True) -> None:
        """Give it its name, and make it ``durable``.

        With ``replace`` it takes the place of what is there, as ``write_atomic`` says: in one step
        if it is ``durable``, which costs no more then, as ext4 has nothing left to write out.

        Raises:
            FileExistsError: something is there.
        """
        if durable:
            os.fsync(self.fd)
        if not replace:
            self._link(self._path)
        elif self._named:
            self._rename()
        elif durable:
            self._take_place()
        else:
            self._replace()
        if durable:
            sync_dir(os.path.dirname(os.path.abspath(self._path)))

    def commit_beside(self) -> None:
        """Give it its name in one step, by way of another name; not durable. See ``rewrite``."""
        if not self._named:
            try:
                self._link(self._aside)
            except OSError as error:
                if not is_full(error):
                    raise
                self._replace()
                return
            self._named = True
        self._rename()

    def close(self) -> None:
        """Let go of it; twice is fine."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)
            if self._named:
                os.unlink(self._aside)

    def _rename(self) -> None:
        os.rename(self._aside, self._path)
        self._named = False

    def _take_place(self) -> None:
        try:
            self._link(self._path)
        except FileExistsError:
            self._link(self._aside)
            self._named = True
            self._rename()

    def _replace(self) -> None:
        while True:
            try:
                self._link(self._path)
                return
            except FileExistsError:
                try:
                    os.unlink(self._path)
                except FileNotFoundError:
                    continue  # another writer was faster

    def _link(self, path: str) -> None:
        source = self._aside if self._named else f"/proc/self/fd/{self.fd}"
        # Python follows a link in ``source`` only if it is given a directory, used or not.
        os.link(source, path, src_dir_fd=self.fd, follow_symlinks=True)


def beside(path: str) -> str:
    """Return a path in the directory of ``path`` that nobody else uses, for what takes its place.

    It is hidden, and begins with the name of ``path`` for whoever finds it after a kill.
    """
    directory, name = os.path.split(os.path.abspath(path))
    start = os.fsdecode(os.fsencode(name)[:_LONGEST_START])
    return os.path.join(directory, f".{start}.{os.urandom(6).hex()}")


def read_bytes(path: str, *, limit: int = 1 << 24) -> bytes:
    """Return the content of ``path``, at most ``limit`` bytes of it.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than ``limit``.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read_all(fd, path, limit)
    finally:
        os.close(fd)


def read_regular(path: str, *, limit: int = 1 << 24) -> bytes:
    """Return the content of the regular file ``path``; for places where others can put things.

    Neither a link nor a pipe nor a device is looked into, so nobody can make us wait, or read for
    them what only we may.

    Raises:
        OSError: it cannot be read, or is something else.
        ValueError: it is larger than ``limit``.
    """
    fd = open_regular(path)
    try:
        return _read_all(fd, path, limit)
    finally:
        os.close(fd)


def open_regular(path: str) -> int:
    """Return a descriptor for reading of the regular file ``path``; the caller closes it.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "not a regular file", path)


def copy_nameless(source: int, directory: str) -> int:
    """Return a copy of the file ``source``, at its start, that nobody else can reach; the caller
    closes it, which removes it.

    Raises:
        OSError: the disk is full, or ``directory`` cannot be written.
    """
    with NewFile(f"{directory}/copy", mode=0o600, access=os.O_RDWR) as copy:
        position = 0
        while sent := os.sendfile(copy.fd, source, position, 1 << 30):
            position += sent
        os.lseek(copy.fd, 0, os.SEEK_SET)
        return os.dup(copy.fd)


def unchangeable(source: int, scratch: str) -> int:
    """Return the file ``source``, or in its place a copy in ``scratch`` if somebody else can write
    to it; ``source`` is closed then.

    What is used must be what was verified, and whoever has mapped the file into memory can change
    it between the two without leaving a trace in its times.

    Raises:
        OSError: the disk is full.
    """
    info = os.fstat(source)
    others = stat.S_IWOTH | (stat.S_IWGRP if info.st_gid else 0)
    if info.st_uid in (0, os.geteuid()) and not info.st_mode & others:
        return source
    try:
        return copy_nameless(source, scratch)
    finally:
        os.close(source)


def is_full(error: BaseException | None) -> bool:
    """Return whether ``error`` says that a disk, or somebody's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def sync_dir(path: str) -> None:
    """fsync the directory ``path``, making renames in it durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _read_all(fd: int, path: str, limit: int) -> bytes:
    chunks = []
    left = limit + 1
    while left > 0 and (chunk := os.read(fd, min(left, 1 << 16))):
        chunks.append(chunk)
        left -= len(chunk)
    if left <= 0:
        raise ValueError(f"{path} is larger than {limit} bytes")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
