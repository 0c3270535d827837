"""Network namespaces that have a name: ``/run/netns/<name>``, as ``ip netns`` makes them.

/run/netns/             a mount of its own, shared, so that every mount namespace sees the names
/run/netns/<name>       an empty file with the namespace mounted on it

A name is either an empty file or a whole namespace with ``lo`` up: the child that makes it binds
it when it is done. What a kill leaves is one of the two, and ``remove`` takes both. Who makes one
writes its name down first, so that whoever collects what is left can call ``remove``; nothing is
collected here. Source: ip-netns(8).
"""

from __future__ import annotations

import errno
import fcntl
import os

from rktpy.errors import RktError
from rktpy.host import namespace, syscalls
from rktpy.host.helper import Answer, Helper
from rktpy.host.netlink.channel import Netlink
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

DIRECTORY = "/run/netns"
_NS_GET_NSTYPE = 0xB703


class NetnsError(RktError):
    """A network namespace cannot be made, found or removed."""


def new_name() -> str:
    """Return a name nobody has, of the form the CNI tools use (and rkt)."""
    digits = os.urandom(16).hex()
    return f"cni-{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def path(name: str) -> str:
    """Return where the namespace ``name`` is.

    Raises:
        NetnsError: it cannot be a name.
    """
    if (
        not name
        or name in {".", ".."}
        or "/" in name
        or "\0" in name
        or len(os.fsencode(name)) > 255
    ):
        raise NetnsError(f"{name!r} cannot be the name of a network namespace")
    return f"{DIRECTORY}/{name}"


def make(name: str) -> None:
    """Make the namespace ``name``, ``lo`` up; the caller stays where it is. Before threads start.

    Raises:
        NetnsError: the name is taken, or the kernel says no; then nothing is left.
    """
    place = _reserve(name)

    def fill() -> Answer:
        namespace.enter_isolated_network()
        syscalls.mount("/proc/self/ns/net", place, "none", syscalls.MS_BIND)
        return Answer()

    try:
        Helper(fill, failure=NetnsError).wait()
    except BaseException as error:
        remove(name)
        if isinstance(error, OSError):
            raise _failed("make", name, error) from error
        raise


def enter_new(name: str, *, open_ports: bool = False) -> None:
    """Make the namespace ``name``, ``lo`` up, and be in it, with the calling thread; ``open_ports``
    is that of ``namespace.enter_isolated_network``.

    Raises:
        NetnsError: the name is taken, or the kernel says no; then nothing is left, but the caller
            may be in a new namespace without a name.
    """
    place = _reserve(name)
    try:
        namespace.enter_isolated_network(open_ports=open_ports)
        syscalls.mount("/proc/thread-self/ns/net", place, "none", syscalls.MS_BIND)
    except OSError as error:
        remove(name)
        raise _failed("make", name, error) from error


def open_file(name: str) -> int:
    """Return a descriptor of the namespace, which keeps it alive; the caller closes it.

    Raises:
        NetnsError: there is no such namespace, or what is there is none.
    """
    return open_path(path(name))


def open_path(place: str) -> int:
    """As ``open_file``, of a namespace that has the path ``place``."""
    name = os.path.basename(place)
    try:
        fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NetnsError(f"there is no network namespace {name!r}") from error
    except OSError as error:
        raise _failed("open", name, error) from error
    if not _is_network(fd):
        os.close(fd)
        raise NetnsError(f"{place} is not a network namespace", hint="it was left half-made")
    return fd


def enter(name: str) -> None:
    """Move the calling thread into the namespace ``name``, for good; errors as ``open_file``."""
    fd = open_file(name)
    try:
        syscalls.setns(fd, syscalls.CLONE_NEWNET)
    except OSError as error:
        raise _failed("enter", name, error) from error
    finally:
        os.close(fd)


class Visit(Resource):
    """The calling thread in another namespace, until ``close``. Only for processes that end when
    the way back fails."""

    __slots__ = ("_home",)

    def __init__(self, place: str) -> None:
        """Enter the namespace with the path ``place``; errors as ``open_file``."""
        target = open_path(place)
        try:
            self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            syscalls.setns(target, syscalls.CLONE_NEWNET)
        finally:
            os.close(target)

    def close(self) -> None:
        """Go home."""
        syscalls.setns(self._home, syscalls.CLONE_NEWNET)
        os.close(self._home)


def within(place: str) -> Visit:
    """Return a ``with`` block in the namespace with the path ``place``; errors as ``open_file``."""
    return Visit(place)


def channel(place: str) -> Netlink:
    """Return a netlink socket of the namespace with the path ``place``; the caller is at home.

    Raises:
        NetnsError, NetlinkError: there is no such namespace, or no socket.
    """
    with Visit(place):
        return Netlink()


def inside(name: str, work: Callable[[], Answer]) -> Answer:
    """Return what ``work`` answers in the namespace, in a child; before threads start.

    Raises:
        RktError: of ``work``, as text, or as ``open_file``.
        OSError: of ``work``.
    """

    def there() -> Answer:
        enter(name)
        return work()

    return Helper(there, failure=NetnsError).wait()


def names() -> tuple[str, ...]:
    """Return all names there are, in order, those of others and empty files too."""
    try:
        return tuple(sorted(os.listdir(DIRECTORY)))
    except FileNotFoundError:
        return ()


def remove(name: str) -> None:
    """Take the name away; a missing one is fine. The namespace ends with the last process in it.

    Raises:
        NetnsError: the kernel says no.
    """
    place = path(name)
    try:
        while _unmounted(place):
            pass
        os.unlink(place)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failed("remove", name, error) from error


def _unmounted(place: str) -> bool:
    """Take off the topmost mount; False when there was none."""
    try:
        syscalls.umount2(place, syscalls.MNT_DETACH | syscalls.UMOUNT_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise
    return True


def _reserve(name: str) -> str:
    """Take ``name`` by an empty file, and return its path."""
    place = path(name)
    try:
        _prepare_directory()
        os.close(os.open(place, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    except FileExistsError as error:
        raise NetnsError(f"there is a network namespace {name!r} already") from error
    except OSError as error:
        raise _failed("make", name, error) from error
    return place


def _prepare_directory() -> None:
    """Make the directory a shared mount, once, whoever else does so: under the lock of ``ip``."""
    os.makedirs(DIRECTORY, 0o755, exist_ok=True)
    fd = os.open(DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        _share_directory()
    finally:
        os.close(fd)


def _share_directory() -> None:
    shared = syscalls.MS_SHARED | syscalls.MS_REC
    try:
        syscalls.mount("", DIRECTORY, "none", shared)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # Not a mount yet.
        syscalls.mount(DIRECTORY, DIRECTORY, "none", syscalls.MS_BIND | syscalls.MS_REC)
        syscalls.mount("", DIRECTORY, "none", shared)


def _is_network(fd: int) -> bool:
    try:
        return fcntl.ioctl(fd, _NS_GET_NSTYPE) == syscalls.CLONE_NEWNET
    except OSError:
        return False


def _failed(doing: str, name: str, error: OSError) -> NetnsError:
    hint = "try as root" if error.errno in (errno.EPERM, errno.EACCES) else None
    why = os.strerror(error.errno or 0)
    return NetnsError(f"cannot {doing} the network namespace {name!r}: {why}", hint=hint)
