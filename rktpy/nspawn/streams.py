"""Standard streams of a pod: what nspawn copies, and what is handed to the app as it is.

nspawn connects terminals: it copies between the user's and the pod's own, which also gives the
app job control. Pipes, files and sockets of an interactive pod must not be copied, as nspawn takes
the end of one for a hang-up and a terminal in between changes bytes. A child of ours keeps them
until the pod's PID 1 is up, hands it the descriptors and ends. Nobody stands between the app and
its streams then (docs/adr/0011-streams.md).
"""

from __future__ import annotations

import os
import stat

from rktpy import log
from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.host.cgroup.hierarchy import UNIFIED, parse_membership, tree_path
from rktpy.host.procfs import children, is_pid1
from rktpy.host.signals import SIG_IGN, SIGINT, SIGKILL, signal
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

FIFO = "rkt/streams"  # below stage1's root: streams.service reads it when PID 1 is up
_PRIVATE_SOCKET = "run/systemd/private"  # PID 1's, below its root
_HANDED_OVER = b"handed over\n"
_ALL = (0, 1, 2)
_logger = log.Logger("stage1")


def handed_streams() -> tuple[int, ...]:
    """Return which of our streams 0, 1 and 2 an interactive app gets as they are."""
    return tuple(fd for fd in _ALL if not os.isatty(fd))


def detach(handed: tuple[int, ...]) -> None:
    """Replace our input and output by ones of nspawn's own, just before the exec.

    nspawn makes them non-blocking, for all who share them, and a SIGKILL leaves them so. Where
    streams are handed over, what the pod itself has to say goes to the terminal or to stderr.
    """
    if 0 in handed:
        _put("/dev/null", os.O_RDONLY, 0)
    elif os.isatty(0):
        _put("/proc/self/fd/0", os.O_RDWR, 0)
    console = next((fd for fd in (1, 2, 0) if fd not in handed), 2)
    kind = os.fstat(console).st_mode
    if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
        _put(f"/proc/self/fd/{console}", os.O_WRONLY, 1)
    elif handed and stat.S_ISSOCK(kind):
        _put("/dev/null", os.O_WRONLY, 1)  # it cannot be opened a second time
    elif console != 1:
        os.dup2(console, 1)


def _put(path: str, flags: int, place: int) -> None:
    """Open ``path`` as ``place``; leave that as it is where it cannot be opened."""
    # Non-blocking, because opening a pipe whose reader has gone would wait for ever.
    try:
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        _logger.debug("cannot open %s once more: %s", path, error)
        return
    os.set_blocking(fd, True)
    os.dup2(fd, place)
    os.close(fd)


class Courier(Resource):
    """The child that hands over; it goes down with us, and with whatever we become by exec."""

    __slots__ = ("_pid",)

    def __init__(self, root: str, unit: str, streams: tuple[int, ...], *, aside: bool) -> None:
        """Fork, unless there is nothing to hand over. ``root`` is stage1's as we see it, ``unit``
        the app's service; ``aside`` says that the cgroup we are in will pass its controllers on.

        Raises:
            OSError: no more processes.
        """
        self._pid = 0
        if not streams:
            return
        supervisor = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            _carry(supervisor, root, unit, streams)
        if aside:
            _step_aside(self._pid)

    def close(self) -> None:
        """Kill it; twice is fine."""
        if self._pid:
            pid, self._pid = self._pid, 0
            os.kill(pid, SIGKILL)
            os.waitpid(pid, 0)


def _step_aside(pid: int) -> None:
    """Move ``pid`` where nspawn will be as well: on cgroup v2 only a cgroup without processes
    can have controllers for those below (systemd: nspawn-cgroup.c, create_subcgroup)."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            own = tree_path(parse_membership(file.read()), UNIFIED)
        place = f"/sys/fs/cgroup{own}/supervisor"
        os.makedirs(place, exist_ok=True)
        with open(f"{place}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(pid))
    except OSError as error:
        _logger.warning("limits of the app may not hold: %s", error)


def _carry(supervisor: int, root: str, unit: str, streams: tuple[int, ...]) -> NoReturn:
    """In the child: never returns to the caller's code."""
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, SIGKILL)
        if os.getppid() != supervisor:
            os._exit(254)
        signal(SIGINT, SIG_IGN)  # it is for the pod, which ends us when it ends
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the pod's lock above all
        from rktpy.systemd.handover import start_with_streams

        fifo = os.open(f"{root}/{FIFO}", os.O_WRONLY | os.O_CLOEXEC)  # waits for PID 1
        leader = _leader(supervisor)
        place = os.open(f"/proc/{leader}/root", os.O_PATH | os.O_CLOEXEC)
        _be_seen_by(leader)
        console = os.open("dev/console", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=place)
        if 0 in streams:
            _leave_line_ends(console)
        given = [fd if fd in streams else console for fd in _ALL]
        start_with_streams(f"/proc/self/fd/{place}/{_PRIVATE_SOCKET}", unit, given)
        os.write(fifo, _HANDED_OVER)
    except Exception as error:  # noqa: BLE001 - nobody else would say why
        _logger.warning("cannot hand the streams to the app: %s", error)
    finally:
        os._exit(0)


def _leave_line_ends(console: int) -> None:
    """Let the lines of a console without keyboard pass: nspawn keeps the user's terminal as it
    is then, which makes the line ends itself."""
    import termios

    modes = termios.tcgetattr(console)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(console, termios.TCSANOW, modes)


def _leader(supervisor: int) -> int:
    """Return the child of ``supervisor`` that is PID 1 of a namespace of its own."""
    for child in children(supervisor):
        if is_pid1(child):
            return child
    raise RktError("the pod has no PID 1")


def _be_seen_by(leader: int) -> None:
    """Go on as a process that ``leader`` has a number for, and as root: it hangs up on others."""
    from rktpy.nspawn.entry.enter import become_root, foreign_user_namespace

    user = foreign_user_namespace(leader)
    syscalls.setns(os.open(f"/proc/{leader}/ns/pid", os.O_RDONLY | os.O_CLOEXEC), 0)
    if child := os.fork():
        os.waitpid(child, 0)
        os._exit(0)
    for fd in user:
        syscalls.setns(fd, 0)
        become_root()
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, SIGKILL)  # after it: new ids clear it
