"""Downloads under way, kept on disk so that the next fetch goes on where a killed one ended.

cas/download/<64 hex of SHA-512 of the URL>-<uid>/    its owner holds the flock on it
├── body         what has arrived
└── validator    JSON: by what the server knows this version of the file, or the digest of a layer;
                 written before ``body`` grows. Of another boot: worthless, as ``body`` may have
                 holes

Removed when the image is in the store or refused; what lies around for long goes with
``image gc``.
"""

from __future__ import annotations

import hashlib
import os
import time

from rktpy import codec
from rktpy.errors import RktError
from rktpy.host.files import read_bytes, read_regular, write_atomic
from rktpy.host.lock import Lock, LockBusyError, lock_dir
from rktpy.host.tree.removal import empty_dir
from rktpy.log import Logger
from rktpy.resource import Resource
from rktpy.value import Value

TYPE_CHECKING = False

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_VALIDATOR_LIMIT = 1 << 16
_logger = Logger("image")


class ForeignPartialError(RktError):
    """What has arrived so far is not ours, so nobody knows what it is."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"somebody else made {path}, where the download belongs", hint="remove it and try again"
        )


class Validator(Value):
    """What tells one version of a remote file from another; "" where the server does not say.

    Only a strong ``etag`` and ``modified`` promise the same bytes.
    """

    etag: str = ""
    modified: str = ""

    @property
    def condition(self) -> str:
        """The value of ``If-Range``, "" if nothing is promised."""
        strong = self.etag if self.etag and not self.etag.startswith("W/") else ""
        return strong or self.modified


class Partial(Resource):
    """The file of one download; ``fd`` is open for reading and writing, and ours alone."""

    __slots__ = ("_directory", "_lock", "fd")

    def __init__(self, directory: str, lock: Lock) -> None:
        self._directory = directory
        self._lock = lock
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self.fd = os.open("body", flags, 0o600, dir_fd=lock.fd)

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return os.fstat(self.fd).st_size

    def validator(self) -> Validator:
        """Return of which version ``body`` is a part; an empty one if it cannot be used."""
        try:
            said = codec.parse(read_regular(f"{self._directory}/validator", limit=_VALIDATOR_LIMIT))
            if said["boot"] == _boot_id():
                return Validator(str(said["etag"]), str(said["modified"]))
        except (OSError, ValueError, RktError, KeyError, TypeError):
            pass  # none yet, or cut off
        return Validator()

    def restart(self, validator: Validator) -> None:
        """Throw away what has arrived; what comes now is the version of ``validator``."""
        os.ftruncate(self.fd, 0)
        said = {"boot": _boot_id(), "etag": validator.etag, "modified": validator.modified}
        write_atomic(
            f"{self._directory}/validator", codec.compact(said).encode(), mode=0o600, durable=False
        )

    def discard(self) -> None:
        """Remove it from the disk; ``fd`` stays readable until it is closed."""
        _remove(self._directory, self._lock.fd)

    def close(self) -> None:
        """Let go of it; what has arrived stays for another time, unless it was discarded."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)
            self._lock.close()


def open_partial(downloads: str, url: str) -> Partial:
    """Return the download of ``url``, new or as another process left it; wait for one at work.

    Raises:
        ForeignPartialError: somebody else put something in its place.
        OSError: the store cannot be written.
    """
    name = hashlib.sha512(url.encode("utf-8", "surrogateescape")).hexdigest()[:64]
    directory = f"{downloads}/{name}-{os.geteuid()}"
    while True:
        try:
            os.mkdir(directory, 0o700)
        except FileExistsError:
            if os.path.islink(directory):  # else another process is at it, or was
                raise ForeignPartialError(directory) from None
        try:
            lock = _lock(directory)
        except FileNotFoundError:
            continue  # the other one was done
        except NotADirectoryError:
            raise ForeignPartialError(directory) from None
        if not _is_here(directory, lock):
            lock.close()
            continue
        if not _is_ours(lock):
            lock.close()
            raise ForeignPartialError(directory)
        return Partial(directory, lock)


def sweep(downloads: str, grace_period: int) -> None:
    """Remove what nobody has been at for ``grace_period`` nanoseconds; skip what is not ours."""
    try:
        names = os.listdir(downloads)
    except OSError:
        return
    for name in names:
        directory = f"{downloads}/{name}"
        try:
            with lock_dir(directory, wait=False) as lock:
                if time.time_ns() - _last_change(lock.fd) > grace_period:
                    _remove(directory, lock.fd)
        except (OSError, LockBusyError):
            continue


def _lock(directory: str) -> Lock:
    try:
        return lock_dir(directory, wait=False)
    except LockBusyError:
        _logger.warning("another rkt instance is downloading this file, waiting...")
        return lock_dir(directory)


def _is_here(directory: str, lock: Lock) -> bool:
    try:
        return os.path.samestat(os.fstat(lock.fd), os.lstat(directory))
    except FileNotFoundError:
        return False


def _is_ours(lock: Lock) -> bool:
    """Return whether nobody else can change what is in the directory.

    All members of the store's group may make directories beside it, under any name.
    """
    info = os.fstat(lock.fd)
    return info.st_uid == os.geteuid() and not info.st_mode & 0o022


def _last_change(fd: int) -> int:
    times = [os.fstat(fd).st_mtime_ns]
    try:
        times.append(os.stat("body", dir_fd=fd, follow_symlinks=False).st_mtime_ns)
    except FileNotFoundError:
        pass  # killed before it came to that
    return max(times)


def _remove(directory: str, fd: int) -> None:
    """Remove ``directory``, which is open as ``fd``: its name may mean another one by now."""
    empty_dir(fd)
    os.rmdir(directory)


def _boot_id() -> str:
    return read_bytes(_BOOT_ID, limit=100).decode().strip()
