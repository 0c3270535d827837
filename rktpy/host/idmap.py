"""Idmapped mounts: trees that keep their owners on disk and show shifted ones to a pod.

A pod in a user namespace sees the host's ids ``first … first + count - 1`` as its own, from 0 on.
Its files are not rewritten: the kernel shifts owners in the pod's mounts alone, in both
directions, so what the pod's user 5 creates belongs to 5 on disk (mount_setattr(2), Linux 5.12).

The host's root, who lays out the pod, is nobody in such a mount and could create nothing there.
It is mapped to an id of its own far above those of the pod, as systemd-nspawn does it for
``--private-users-ownership=map``; give what you create there to ``first``.
"""

from __future__ import annotations

import errno
import os

from rktpy.host import syscalls
from rktpy.host.mount import MountError, mounted_below
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

MAPPED_ROOT = (1 << 31) - 2  # what the host's root creates in a mapped mount has this owner on disk
_CANNOT_MAP = frozenset({errno.EINVAL, errno.EPERM, errno.ENOSYS})
_HINT = "the kernel cannot map owners there: run without --private-users"


class IdMap(Resource):
    """A mapping that mounts can be given; exists as long as it is not closed, or mounts have it."""

    __slots__ = ("_namespace", "count", "first")

    def __init__(self, first: int, count: int) -> None:
        """Map ``count`` ids from 0 on to those of the host from ``first`` on.

        Raises:
            MountError: the kernel makes no user namespaces.
        """
        self.first = first
        self.count = count
        self._namespace = _user_namespace(f"0 {first} {count}\n{MAPPED_ROOT} 0 1\n".encode())

    def close(self) -> None:
        if self._namespace >= 0:
            os.close(self._namespace)
            self._namespace = -1

    def cover(self, path: str) -> None:
        """Mount the directory ``path`` over itself, mapped; what is mounted below it is hidden.

        Raises:
            MountError: its file system cannot be mapped.
        """
        tree = syscalls.open_tree(path)
        try:
            self._map(tree, read_only=False)
            _attach(tree, path)
        except OSError as error:
            raise MountError(f"cannot map owners in {path!r}", hint=_HINT) from error
        finally:
            os.close(tree)

    def bind(
        self, source: str, target: int, *, read_only: bool, recursive: bool, mapped: bool = False
    ) -> list[str]:
        """Bind the host's ``source``, mapped, on the open file or directory ``target``.

        ``read_only`` holds for everything mounted below as well; ``mapped`` says that ``source`` is
        in a mount that ``cover`` has made. Returns the mount points whose file systems cannot be
        mapped, such as /proc: owners show there as they are.

        Raises:
            OSError: ``source`` is not there, or is not a directory where ``target`` is one.
        """
        source = os.path.realpath(source)
        below = mounted_below(source)[::-1] if recursive else ()
        top = syscalls.open_tree(source)
        try:
            unmapped = []
            if mapped:
                self._set(top, read_only=read_only)
            elif not self._try_map(top, read_only=read_only):
                unmapped.append(source)
            syscalls.move_mount(top, target)
            for point in below:
                if point == source:
                    continue  # the copy above began with the topmost of these
                tree = syscalls.open_tree(point)
                try:
                    shifted = self._try_map(tree, read_only=read_only)
                    _attach(tree, os.path.relpath(point, source), below=top)
                except FileNotFoundError:
                    continue  # another mount hides its place
                finally:
                    os.close(tree)
                if not shifted:
                    unmapped.append(point)
        finally:
            os.close(top)
        return unmapped

    def _try_map(self, tree: int, *, read_only: bool) -> bool:
        try:
            self._map(tree, read_only=read_only)
        except OSError as error:
            if error.errno not in _CANNOT_MAP:
                raise
            self._set(tree, read_only=read_only)
            return False
        return True

    def _set(self, tree: int, *, read_only: bool) -> None:
        if read_only:
            syscalls.mount_setattr(tree, syscalls.MOUNT_ATTR_RDONLY)

    def _map(self, tree: int, *, read_only: bool) -> None:
        flags = syscalls.MOUNT_ATTR_IDMAP | (syscalls.MOUNT_ATTR_RDONLY if read_only else 0)
        syscalls.mount_setattr(tree, flags, self._namespace)


def _attach(tree: int, path: str, *, below: int | None = None) -> None:
    """Mount ``tree`` on ``path``, which begins at the descriptor ``below``."""
    target = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=below)
    try:
        syscalls.move_mount(tree, target)
    finally:
        os.close(target)


def _user_namespace(mapping: bytes) -> int:
    """Return a descriptor of a new user namespace with ``mapping`` for users and groups.

    Only a process can be given one, so a child makes it and ends; it also ends if we die.
    """
    told, tell = os.pipe()
    heard, hear = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(tell)
        _be_mapped(told, hear)
    os.close(told)
    os.close(hear)
    try:
        answer = os.read(heard, 4)
        if answer:
            raise OSError(int(answer), os.strerror(int(answer)))
        for name in ("uid_map", "gid_map"):
            fd = os.open(f"/proc/{child}/{name}", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, mapping)
            finally:
                os.close(fd)
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise MountError(
            "cannot create a user namespace", hint="see: sysctl user.max_user_namespaces"
        ) from error
    finally:
        os.close(heard)
        os.close(tell)
        os.waitpid(child, 0)


def _be_mapped(told: int, hear: int) -> NoReturn:
    """In the child: make the namespace, say so by closing ``hear``, wait until ``told`` ends."""
    try:
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        os.close(hear)
        os.read(told, 1)
    except OSError as error:
        os.write(hear, str(error.errno).encode())
    finally:
        os._exit(0)
