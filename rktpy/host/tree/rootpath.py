"""Paths inside a root directory whose content nobody vouches for.

An image may hold any symbolic link; every function here reads it as the app would, with
the root as ``/``: absolute links start there and ``..`` stops there. It never leaves it, also
when the tree changes while we look. It refuses to hand out host paths without a lookup.
"""

from __future__ import annotations

import errno
import os
import stat

from rktpy.host import syscalls
from rktpy.value import Value

MAX_LINKS = 255  # as rkt's lookup of mount targets
MAX_DEPTH = 256  # each level costs a descriptor while we are below it

_PATH_DIR = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PATH_ANY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
# Kernels before 5.6, and filters that answer for calls they do not know.
_NO_OPENAT2 = frozenset({errno.ENOSYS, errno.EPERM, errno.EAGAIN, errno.EINVAL, errno.E2BIG})


def open_in_root(root: str, path: str, flags: int) -> int:
    """Return a close-on-exec descriptor of ``path`` inside ``root``; the caller closes it.

    With ``O_NOFOLLOW`` the last component is taken as it is, the others are followed. A link
    as last component then needs ``O_PATH``. Never creates anything.

    Raises:
        OSError: as open(2), with the path as the app sees it.
    """
    resolve = syscalls.RESOLVE_IN_ROOT | syscalls.RESOLVE_NO_MAGICLINKS
    root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return syscalls.openat2(root_fd, path or ".", flags | os.O_CLOEXEC, resolve)
    except OSError as error:
        if error.errno not in _NO_OPENAT2:
            raise
    finally:
        os.close(root_fd)
    return open_by_walking(root, path, flags)


def open_by_walking(root: str, path: str, flags: int) -> int:
    """``open_in_root`` for kernels without openat2(2)."""
    with _Walk(root) as walk:
        walk.follow(path, last=not flags & os.O_NOFOLLOW)
        if walk.missing:
            raise _failure(errno.ENOENT, path)
        kind = os.fstat(walk.fd).st_mode
        if flags & os.O_DIRECTORY and not stat.S_ISDIR(kind):
            raise _failure(errno.ENOTDIR, path)
        if flags & os.O_PATH:
            return os.dup(walk.fd)
        if stat.S_ISLNK(kind):
            raise _failure(errno.ELOOP, path)
        return os.open(f"/proc/self/fd/{walk.fd}", flags & ~os.O_NOFOLLOW | os.O_CLOEXEC)


def stat_in_root(root: str, path: str, *, follow: bool = True) -> os.stat_result:
    """Return what stat(2), or with ``follow`` false lstat(2), says of ``path`` inside ``root``.

    Raises:
        OSError: it is not there.
    """
    fd = open_in_root(root, path, os.O_PATH | (0 if follow else os.O_NOFOLLOW))
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)


def read_in_root(root: str, path: str, *, limit: int) -> bytes:
    """Return the content of the regular file ``path`` inside ``root``.

    Looks before it opens: opening a fifo would wait and opening a device would act.

    Raises:
        OSError: it is not there.
        ValueError: it is not a regular file, or larger than ``limit`` bytes.
    """
    fd = open_in_root(root, path, os.O_PATH)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError(f"{path} is not a regular file")
        with open(f"/proc/self/fd/{fd}", "rb") as file:
            data = file.read(limit + 1)
    finally:
        os.close(fd)
    if len(data) > limit:
        raise ValueError(f"{path} is larger than {limit} bytes")
    return data


def resolve_in_root(root: str, path: str) -> str:
    """Return ``path`` without links, ``.`` and ``..``, absolute as seen from ``root``.

    What does not exist stays as it is (like ``readlink -m``); relative paths start at the root.

    Raises:
        OSError: too many links or levels, or a file where a directory must be.
    """
    with _Walk(root) as walk:
        walk.follow(path)
        return walk.path


def make_dir_in_root(root: str, path: str, *, mode: int = 0o755, owner: int = -1) -> str:
    """Create the directory ``path`` and its missing parents inside ``root``, all with ``mode``.

    ``owner`` is user and group of what is created; -1 leaves it ours.

    Returns the path without links, as ``resolve_in_root``. A file in that place is left alone
    and its path returned.

    Raises:
        OSError: it cannot be created.
    """
    with _Walk(root) as walk:
        walk.follow(path, create=_Creation(mode, owner))
        return walk.path


def make_file_in_root(root: str, path: str, *, mode: int = 0o644, owner: int = -1) -> str:
    """Create an empty file ``path`` inside ``root``, its missing parents with 0755.

    ``owner`` as in ``make_dir_in_root``.

    Returns the path without links. Whatever is there already is left alone.

    Raises:
        OSError: it cannot be created.
    """
    with _Walk(root) as walk:
        walk.follow(path)
        if not walk.missing:
            return walk.path
        parent, _, name = walk.path.rpartition("/")
    with _Walk(root) as walk:
        walk.follow(parent, create=_Creation(0o755, owner), last=False)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, mode, dir_fd=walk.fd)
        except FileExistsError:
            return f"{parent}/{name}"
        _Creation(mode, owner).apply(fd)
        os.close(fd)
    return f"{parent}/{name}"


def _failure(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


class _Creation(Value):
    """How a missing file or directory is created."""

    mode: int
    owner: int

    def apply(self, fd: int) -> None:
        """Give the new ``fd`` (``O_PATH`` or not) mode and owner; our umask has no say."""
        path = f"/proc/self/fd/{fd}"
        if self.owner >= 0:
            os.chown(path, self.owner, self.owner)
        if stat.S_IMODE(os.fstat(fd).st_mode) != self.mode:
            os.chmod(path, self.mode)


class _Walk:
    """A position below a root, reached one component at a time.

    Holds a descriptor per existing level, so that ``..`` goes where we came from and not
    where somebody has moved the directory meanwhile.
    """

    __slots__ = ("_fds", "_names")

    def __init__(self, root: str) -> None:
        self._fds = [os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
        self._names: list[str] = []

    def __enter__(self) -> _Walk:
        return self

    def __exit__(self, *_details: object) -> None:
        while self._fds:
            os.close(self._fds.pop())

    @property
    def path(self) -> str:
        return "/" + "/".join(self._names)

    @property
    def fd(self) -> int:
        """Descriptor (``O_PATH``) of the deepest existing level; the walk owns it."""
        return self._fds[-1]

    @property
    def missing(self) -> bool:
        return len(self._fds) <= len(self._names)

    def follow(self, path: str, *, create: _Creation | None = None, last: bool = True) -> None:
        """Go to ``path``; create missing directories as ``create`` says; follow a link in last
        place only if ``last``."""
        todo = path.split("/")[::-1]
        links = 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                self._up()
                continue
            self._down(name, create)
            if self.missing or not stat.S_ISLNK(os.fstat(self.fd).st_mode):
                continue
            if not (last or any(todo)):
                continue
            links += 1
            if links > MAX_LINKS:
                raise _failure(errno.ELOOP, path)
            target = os.readlink("", dir_fd=self.fd)
            self._up()
            if target.startswith("/"):
                self._top()
            todo += target.split("/")[::-1]

    def _up(self) -> None:
        if self._names:
            if not self.missing:
                os.close(self._fds.pop())
            self._names.pop()

    def _top(self) -> None:
        while self._names:
            self._up()

    def _down(self, name: str, create: _Creation | None) -> None:
        if len(self._names) >= MAX_DEPTH:
            raise _failure(errno.ENAMETOOLONG, self.path)
        if self.missing:
            self._names.append(name)
            return
        if not stat.S_ISDIR(os.fstat(self.fd).st_mode):
            raise _failure(errno.ENOTDIR, self.path)
        try:
            fd = os.open(name, _PATH_ANY, dir_fd=self.fd)
        except FileNotFoundError:
            if create is None:
                self._names.append(name)
                return
            fd = self._make(name, create)
        self._fds.append(fd)
        self._names.append(name)

    def _make(self, name: str, creation: _Creation) -> int:
        try:
            os.mkdir(name, creation.mode, dir_fd=self.fd)
        except FileExistsError:  # somebody was quicker; what they made is checked as any other
            return os.open(name, _PATH_ANY, dir_fd=self.fd)
        fd = os.open(name, _PATH_DIR, dir_fd=self.fd)
        creation.apply(fd)
        return fd
