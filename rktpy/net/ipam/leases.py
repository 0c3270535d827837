"""The lease directory of one network, as CNI's host-local plugin keeps it.

/var/lib/cni/networks/<network>/     ``dataDir`` changes the first part
    <address>                        ``<container id>\\r\\n<interface>``; old ones have the id only
    last_reserved_ip.<range set>     where CNI's own program goes on; we look for the lowest
    lock                             flock(2), by whoever reads or writes the others

A lease file is whole or not there. CNI's program, and a power cut, can leave an empty one: its
address stays taken, as that of any file, directory or link whose name is an address, until
``reclaim`` is told that nobody has it.
"""

from __future__ import annotations

import errno
import os
import stat

from rktpy.codec import quote
from rktpy.host.files import NewFile, read_regular
from rktpy.host.lock import lock_file
from rktpy.net.ipam.addresses import number_of, text_of
from rktpy.net.ipam.arguments import IpamError
from rktpy.resource import Resource
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rktpy.host.lock import Lock

DATA_DIR = "/var/lib/cni/networks"
_LOCK = "lock"
_LAST = "last_reserved_ip."
_MAX_LEASE = 1024  # bytes; real ones have 42


class Lease(Value):
    """An address that is taken; ``container`` is "" if the file does not say by whom, and
    ``interface`` is "" too if it is old."""

    address: str
    container: str
    interface: str


class Leases(Resource):
    """The lease directory of one network, locked against everybody else."""

    __slots__ = ("_lock", "path")

    def __init__(self, path: str, *, make: bool = True) -> None:
        """Wait for the lock; ``make`` the directory if it is not there.

        Raises:
            FileNotFoundError: it is not there, and not to be made.
            IpamError: it cannot be used.
        """
        self.path = path
        self._lock: Lock | None = None
        try:
            if make:
                os.makedirs(path, mode=0o755, exist_ok=True)
            self._lock = lock_file(f"{path}/{_LOCK}", mode=0o750)  # CNI's
        except FileNotFoundError:
            if not make:
                raise
            raise self._unusable("removed meanwhile") from None
        except OSError as error:
            raise self._unusable(os.strerror(error.errno or 0)) from error

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()

    def taken(self) -> set[int]:
        """Return the addresses that cannot be given out, as numbers."""
        numbers = map(number_of, os.listdir(self.path))
        return {number for number in numbers if number is not None}

    def all(self) -> list[Lease]:
        """Return all leases, by address."""
        found = [(n, name) for name in os.listdir(self.path) if (n := number_of(name)) is not None]
        return [Lease(name, *self._owner(name)) for _number, name in sorted(found)]

    def of(self, container: str, interface: str) -> list[str]:
        """Return the addresses of an interface of ``container``."""
        owners = ((container, interface), (container, ""))
        return [one.address for one in self.all() if (one.container, one.interface) in owners]

    def take(self, number: int, container: str, interface: str) -> bool:
        """Make the lease of an address; return whether nobody had it.

        A power cut may lose it, and ends the pod as well, so nothing is waited for.

        Raises:
            IpamError: the disk is full, or the like.
        """
        content = f"{container}\r\n{interface}".encode()
        try:
            with NewFile(f"{self.path}/{text_of(number)}", mode=0o644) as file:
                if os.write(file.fd, content) < len(content):
                    raise OSError(errno.ENOSPC, "")
                file.commit(replace=False, durable=False)
        except FileExistsError:
            return False
        except OSError as error:
            raise self._unusable(os.strerror(error.errno or 0)) from error
        return True

    def note_last(self, range_set: int, number: int) -> None:
        """Tell CNI's program where to go on. It starts anew where it cannot read that."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(f"{self.path}/{_LAST}{range_set}", flags, 0o644)
            try:
                os.write(fd, text_of(number).encode())
            finally:
                os.close(fd)
        except OSError:
            pass

    def release(self, container: str, interface: str) -> None:
        """Remove all leases of an interface of ``container``, also under names that nobody reads.

        Raises:
            IpamError: one of them cannot be removed; the others are.
        """
        owners = ((container, interface), (container, ""))
        failed = None
        for name in os.listdir(self.path):
            if name == _LOCK or name.startswith(_LAST) or self._owner(name) not in owners:
                continue
            try:
                os.unlink(f"{self.path}/{name}")
            except FileNotFoundError:
                pass
            except OSError as error:
                failed = error
        if failed:
            raise self._unusable(os.strerror(failed.errno or 0)) from failed

    def drop(self, address: str) -> None:
        """Remove a lease, whatever is in its place; gone is fine.

        Raises:
            IpamError: it cannot be removed.
        """
        path = f"{self.path}/{address}"
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)  # not what is in it: nobody of us made it
            else:
                os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._unusable(f"{address}: {os.strerror(error.errno or 0)}") from error

    def _owner(self, name: str) -> tuple[str, str]:
        try:
            content = read_regular(f"{self.path}/{name}", limit=_MAX_LEASE).decode().strip()
        except (OSError, ValueError):  # gone, no file, too large, not UTF-8
            return "", ""
        container, _separator, interface = content.partition("\r\n")
        return (container, interface) if (container + interface).isprintable() else ("", "")

    def _unusable(self, reason: str) -> IpamError:
        return IpamError(
            f"cannot use the leases in {self.path}: {reason}", hint=f"look at ls -la {self.path}"
        )


def directory(network: str, data_dir: str = "") -> str:
    """Return the path of the lease directory of ``network``.

    Raises:
        IpamError: the name would lead elsewhere, or ``data_dir`` is not absolute.
    """
    if network in ("", ".", "..") or "/" in network or "\0" in network:
        raise IpamError(f"{quote(network)} cannot be the name of a network")
    base = data_dir or DATA_DIR
    if not base.startswith("/") or "\0" in base:
        raise IpamError(f'"dataDir" must be an absolute path: {quote(base)}')
    return f"{base.rstrip('/')}/{network}"


def leases(path: str) -> list[Lease]:
    """Return the leases in the directory ``path`` by address; none if it is not there.

    Raises:
        IpamError: it cannot be used.
    """
    try:
        with Leases(path, make=False) as held:
            return held.all()
    except FileNotFoundError:
        return []


def reclaim(path: str, is_abandoned: Callable[[Lease], bool]) -> list[Lease]:
    """Remove the leases in the directory ``path`` that are abandoned, and return them.

    ``is_abandoned`` is asked while everybody else waits for the lock.

    Raises:
        IpamError: the directory cannot be used.
    """
    try:
        with Leases(path, make=False) as held:
            found = [lease for lease in held.all() if is_abandoned(lease)]
            for lease in found:
                held.drop(lease.address)
            return found
    except FileNotFoundError:
        return []


def release_lost(container: str, since: int, until: int, *, base: str = DATA_DIR) -> None:
    """Remove in all networks the leases of ``container``, and those that are empty and were made
    between the two moments (ns since 1970). The caller knows: whoever had one ended by a power cut.

    Raises:
        IpamError: a directory cannot be used.
    """

    def is_lost(path: str, lease: Lease) -> bool:
        if lease.container:
            return lease.container == container
        info = os.lstat(f"{path}/{lease.address}")
        return stat.S_ISREG(info.st_mode) and not info.st_size and since <= info.st_mtime_ns < until

    try:
        found = os.listdir(base)
    except FileNotFoundError:
        return
    for name in found:
        path = f"{base}/{name}"
        if os.path.isdir(path):
            reclaim(path, lambda lease, path=path: is_lost(path, lease))  # type: ignore[misc]


def release_damaged(path: str, addresses: Collection[str]) -> None:
    """Remove those leases of ``addresses`` in the directory ``path`` that no longer say whose they
    are. The caller knows: they were given to a pod that ended.

    Raises:
        IpamError: the directory cannot be used.
    """
    reclaim(path, lambda lease: lease.address in addresses and not lease.container)
