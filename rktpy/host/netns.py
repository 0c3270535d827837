"""Network namespaces that have a name: ``/run/netns/<name>``, as ``ip netns`` makes them.

/run/netns/             a mount of its own, shared, so that every mount namespace sees the names
/run/netns/<name>       an empty file with the namespace mounted on it

A name is either an empty file or a whole namespace with ``lo`` up: it is bound when it is done.
What a kill leaves is one of the two, and ``remove`` takes both. Who makes one writes its name down
first, so that whoever collects what is left can call ``remove``; nothing is collected here.
Source: ip-netns(8).
"""

from __future__ import annotations

import errno
import fcntl
import os

from rktpy.errors import RktError
from rktpy.host import namespace, syscalls
from rktpy.host.helper import Answer, Helper
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.netlink.channel import Netlink

DIRECTORY = "/run/netns"
_HOME = "/proc/thread-self/ns/net"
_NS_GET_NSTYPE = 0xB703
_LOST = 254  # exit status of who cannot go home


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
        NetnsError: there is no such namespace, or what is there is not one.
    """
    return _open(path(name), name, os.O_NOFOLLOW)


def open_path(place: str) -> int:
    """As ``open_file``, for a path that was written down: of a name, or of a process in procfs."""
    return _open(place, place, 0)


def _open(place: str, name: str, flags: int) -> int:
    """Open ``place``; what it is can be told only from the descriptor."""
    try:
        fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
    except FileNotFoundError as error:
        raise NetnsError(f"there is no network namespace {name!r}") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte
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
    """Being in the namespace at ``place`` until ``close``; ``fd``, of that namespace, is open as
    long. Made by ``within``."""

    __slots__ = ("_home", "fd")

    def __init__(self, place: str) -> None:
        self._home = os.open(_HOME, os.O_RDONLY | os.O_CLOEXEC)
        self.fd = -1
        try:
            self.fd = open_path(place)
            syscalls.setns(self.fd, syscalls.CLONE_NEWNET)
        except NetnsError:
            self._forget()
            raise
        except OSError as error:
            self._forget()
            raise _failed("enter", place, error) from error
        except BaseException:
            self.close()  # a signal's: we may be there already
            raise

    def close(self) -> None:
        """Go home; twice is fine."""
        if self._home < 0:
            return
        try:
            syscalls.setns(self._home, syscalls.CLONE_NEWNET)
        except BaseException:  # noqa: BLE001 - a signal's too: nothing may run here
            os.write(2, b"rktpy: cannot leave a network namespace\n")
            os._exit(_LOST)
        self._forget()

    def _forget(self) -> None:
        for fd in (self._home, self.fd):
            if fd >= 0:
                os.close(fd)
        self._home = self.fd = -1


def within(place: str) -> Visit:
    """Go into the namespace at ``place`` for the length of a ``with`` block.

    Only for processes with one thread that are thrown away soon (``Helper``): one that cannot go
    home again ends at once, with status 254, since whatever it did next would hit strangers.

    Raises:
        NetnsError: as ``open_path``, or the kernel does not let us in; then we are where we were.
    """
    return Visit(place)


def channel(place: str) -> Netlink:
    """Return a netlink socket of the namespace at ``place``; the caller stays, and closes it.

    As ``within``, of which this is the shortest use.

    Raises:
        NetlinkError: the kernel gives none.
    """
    from rktpy.host.netlink.channel import Netlink

    with within(place):
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
        try:
            os.unlink(place)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            _uncover(place)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _failed("remove", name, error) from error


def _uncover(place: str) -> None:
    """Remove a name that is mounted below ``DIRECTORY``, too, where no path leads.

    Where /run is shared, as systemd has it, mounting on a name mounts on it a second time, below
    the mount that ``DIRECTORY`` is. Both go at once, but not in a mount namespace that tells nobody
    anything, as that of ``run``. There, once nothing is mounted on the name, removing the file
    takes off what others have mounted on it.
    """

    def dig() -> Answer:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount("", "/", "none", syscalls.MS_PRIVATE | syscalls.MS_REC)
        while _unmounted(DIRECTORY):
            while _unmounted(place):
                pass
        os.unlink(place)
        return Answer()

    Helper(dig, failure=NetnsError).wait()


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
    except OSError as error:
        raise _failed("make", name, error) from error
    try:
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


def _failed(doing: str, name: str, error: OSError | ValueError) -> NetnsError:
    number = error.errno or 0 if isinstance(error, OSError) else errno.EINVAL
    hint = "try as root" if number in (errno.EPERM, errno.EACCES) else None
    why = os.strerror(number)
    return NetnsError(f"cannot {doing} the network namespace {name!r}: {why}", hint=hint)
