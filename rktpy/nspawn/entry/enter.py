"""Enters a running pod: joins its namespaces and starts a command in an app's root.

Where the app still runs, its own mount namespace and control groups are joined, so the command
sees just what the app sees and counts as a part of it, under the same limits. Where it has ended
while the pod goes on, a private copy of the pod's namespace is made and the kernel's file systems
are bound into the app's root there; the command then runs in the control group of the pod's
PID 1 (rkt: stage1/enter, enterexec).
"""

from __future__ import annotations

import errno
import os
import select
import time

from rktpy.errors import RktError
from rktpy.host import mount, syscalls
from rktpy.host.cgroup.member import Cgroups
from rktpy.host.pidfd import Process, check_numbers
from rktpy.host.procfs import children
from rktpy.host.signals import (
    SIG_DFL,
    SIG_IGN,
    SIGCHLD,
    SIGCONT,
    SIGHUP,
    SIGINT,
    SIGKILL,
    SIGQUIT,
    SIGSTOP,
    SIGTERM,
    set_wakeup_fd,
    signal,
)  # fmt: skip
from rktpy.host.tree.rootpath import make_dir_in_root, make_file_in_root
from rktpy.nspawn.entry.identity import Identity, identity_of
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

# The order matters: mnt last, because /proc of the host is needed until then.
_NAMESPACES = ("ipc", "uts", "net", "cgroup", "pid", "mnt")
_NEWS = os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT
_START_PATIENCE = 5.0  # seconds an app that is being started gets to reach its root
_POLL = 0.002
_DIRECTORIES = ("/proc", "/sys", "/dev/pts", "/dev/shm")  # noqa: S108 - inside the pod
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "console")


class EnterError(RktError):
    """The pod cannot be entered."""


def app_process(leader: int, app: str) -> int | None:
    """Return a process of ``app`` that is a child of the pod's PID 1 ``leader``, if one runs.

    The main process of a unit is PID 1's child in the unit's cgroup, on every cgroup layout.
    """
    mark = f"/{app}.service\n".encode()
    for child in children(leader):
        try:
            with open(f"/proc/{child}/cgroup", "rb") as file:
                if mark in file.read():
                    return child
        except OSError:
            continue  # ended meanwhile
    return None


def enter(
    leader: Process, app: str, argv: Sequence[str], env: Mapping[str, str], *, as_app: bool = False
) -> NoReturn:
    """Run ``argv`` in ``app`` and end as it ends: same exit status, or same signal.

    It runs as root, as in rkt, or with ``as_app`` under the ids that the app's main process has
    now, and with the same bounding set of capabilities. ``leader`` is the pod's PID 1.

    Raises:
        EnterError: the pod went away, or the kernel does not let us in.
    """
    process = app_process_in_its_root(leader.pid, app)
    if as_app and not process:
        raise EnterError(f"app {app!r} has ended", hint="enter it as root, without --as-app")
    of = (process or leader).pid
    try:
        identity = identity_of(of) if as_app else None
        root = os.open(f"/proc/{of}/root", os.O_PATH | os.O_CLOEXEC)
        cgroups = Cgroups(of)
        caller = os.pidfd_open(os.getpid())  # in the joined namespace we have no number
        namespaces = _namespaces(leader.pid, of)
        user = foreign_user_namespace(leader.pid)
        check_numbers(leader, process)
        _join(namespaces, user)
    except OSError as error:
        raise EnterError(f"cannot join app {app!r}") from error
    child = os.fork()  # only children are in the joined PID namespace
    if child == 0:
        below = "" if process else f"/opt/stage2/{app}/rootfs"
        place = _Place(root, below, cgroups, identity, caller)
        _become(place, argv, env)
    cgroups.close()
    _end_as(child, process.fd if process else -1)


def app_process_in_its_root(leader: int, app: str) -> Process | None:
    """Return ``app_process`` once it has left stage1's root: its first steps are systemd's own.

    The caller owns the result, and asks ``check_numbers`` once all is opened by its number.
    """
    deadline = time.monotonic() + _START_PATIENCE
    while (number := app_process(leader, app)) is not None:
        late = time.monotonic() > deadline
        try:
            process = Process(number)
        except ProcessLookupError:
            continue  # ended meanwhile
        # Asked once more, as only now the number cannot be another's without our seeing it.
        if (late or _has_left(number, leader)) and app_process(leader, app) == number:
            return process
        process.close()
        time.sleep(_POLL)
    return None


def _has_left(process: int, leader: int) -> bool:
    try:
        here, there = os.stat(f"/proc/{process}/root"), os.stat(f"/proc/{leader}/root")
    except OSError:
        return False  # ended meanwhile
    return not os.path.samestat(here, there)


def _namespaces(leader: int, mounts_of: int) -> list[int]:
    """Open the namespaces of ``leader``, and the mount namespace of ``mounts_of``."""
    opened = []
    for name in _NAMESPACES:
        owner = mounts_of if name == "mnt" else leader
        try:
            opened.append(os.open(f"/proc/{owner}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError:
            if name != "cgroup":  # kernels before 4.6 have none
                raise
    return opened


def _join(namespaces: Sequence[int], user: Sequence[int]) -> None:
    """Join and close them, ``user``, that of users, last."""
    for fd in (*namespaces, *user):
        syscalls.setns(fd, 0)
        os.close(fd)
    if user:
        become_root()


def become_root() -> None:
    """Become root of the user namespace just joined, in which our ids of the host are nobody."""
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def foreign_user_namespace(leader: int) -> list[int]:
    """Return a descriptor of the user namespace of ``leader``, none if it is ours as well.

    It has to be joined last: inside, the rights to join the others are gone.
    """
    path = f"/proc/{leader}/ns/user"
    if os.path.samestat(os.stat(path), os.stat("/proc/self/ns/user")):
        return []
    return [os.open(path, os.O_RDONLY | os.O_CLOEXEC)]


class _Place(Value):
    """Where a command is to run: ``root`` is open, ``below`` leads on from there."""

    root: int
    below: str
    cgroups: Cgroups
    identity: Identity | None  # None: root
    caller: int  # a pidfd of the process that waits for the command

    def take(self) -> None:
        """Go there, for good."""
        self.cgroups.join()
        os.fchdir(self.root)
        os.chroot(".")
        if self.below:
            _mount_kernel_files(self.below)
            os.chroot(self.below)
        os.chdir("/")
        if self.identity is not None:
            self.identity.assume()
        # Who kills us would not find the command, which is in the pod. New ids clear this.
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, SIGKILL)
        if select.select((self.caller,), (), (), 0)[0]:
            os._exit(254)  # it was killed before that


def _become(place: _Place, argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """In the child: take the app's place and exec. Never returns to the caller's code."""
    doing = "enter the app"
    try:
        place.take()
        doing = f'execute "{argv[0]}"'
        _exec(argv, env)
    except (OSError, RktError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else error.message
        os.write(2, os.fsencode(f"enter: cannot {doing}: {reason}\n"))
    finally:
        os._exit(254)


def _exec(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Like execvpe(3), which in Python imports a module: here the interpreter's are out of reach.

    Raises:
        OSError: there is no such program, or none that may be executed.
    """
    name, refused = argv[0], None
    places = [""] if "/" in name else [f"{d or '.'}/" for d in env.get("PATH", "").split(":")]
    for place in places:
        try:
            os.execve(place + name, list(argv), dict(env))  # noqa: S606 - the user asked for it
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            refused = error  # a later directory may have a better one
    raise refused or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _mount_kernel_files(root: str) -> None:
    """Bind what the app's unit would bind, into a mount namespace that ends with the command."""
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("", "/", "", syscalls.MS_PRIVATE | syscalls.MS_REC)
    for directory in _DIRECTORIES:
        target = root + make_dir_in_root(root, directory)
        mount.bind(directory, target, recursive=True).execute()
    for device in _DEVICES:
        if os.path.exists(f"/dev/{device}"):
            target = root + make_file_in_root(root, f"/dev/{device}")
            mount.bind(f"/dev/{device}", target).execute()


def _end_as(child: int, app: int) -> NoReturn:
    """Wait for ``child``, stop and continue along with it, and end the way it did.

    ``app`` is a pidfd of the app, or -1. When it ends, the child hears SIGHUP: systemd sends what
    is left in the app's control group SIGTERM, which interactive shells ignore, and the pod would
    wait for them a minute and a half.
    """
    bell = _Bell(app)
    for number in (SIGINT, SIGQUIT):
        signal(number, SIG_IGN)  # the terminal sends these to the child as well
    for number in (SIGTERM, SIGHUP):
        signal(number, lambda number, _frame: os.kill(child, number))
    # Reaped only when no signal is passed on any more: its number may be another's then.
    while (news := os.waitid(os.P_PID, child, _NEWS)) is None or news.si_code == os.CLD_STOPPED:
        if news is not None:
            os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOHANG)  # told once
            os.kill(os.getpid(), SIGSTOP)
            os.kill(child, SIGCONT)
        elif bell.app_ended():
            os.kill(child, SIGHUP)
            os.kill(child, SIGCONT)  # in case it is stopped
    for number in (SIGTERM, SIGHUP):
        signal(number, SIG_IGN)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        death = os.WTERMSIG(status)
        if death != SIGKILL:  # it has no handler to reset
            signal(death, SIG_DFL)
        os.kill(os.getpid(), death)
    os._exit(os.waitstatus_to_exitcode(status))


class _Bell:
    """Waits for news of children or of the app. No thread may: the PID namespace is another."""

    def __init__(self, app: int) -> None:
        self._app = app
        self._ring, self._rung = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        set_wakeup_fd(self._rung)
        signal(SIGCHLD, lambda _number, _frame: None)  # only a handled signal wakes
        self._poll = select.poll()
        self._poll.register(self._ring, select.POLLIN)
        if app >= 0:
            self._poll.register(app, select.POLLIN)

    def app_ended(self) -> bool:
        """Wait for any news; return whether the app has ended since the last call."""
        ready = [fd for fd, _ in self._poll.poll()]
        if self._ring in ready:
            os.read(self._ring, 64)
        if self._app not in ready:
            return False
        self._poll.unregister(self._app)
        return True
