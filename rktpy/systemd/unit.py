"""Where a pod belongs in the host's unit tree, decided before systemd-nspawn starts.

service   we are the main process of a unit, or alone in a scope: the pod stays in it (--keep-unit)
scope     a shell below systemd: nspawn and machined make ``machine-rkt…scope`` in machine.slice
none      nobody manages units here: a cgroup of our own below the caller's (``rktpy.cgroup``)

``/proc/self/cgroup`` is asked first, since it costs nothing; the manager only where that leaves
a doubt (rkt: common/cgroup, ``sd_pid_get_owner_uid`` and the session-leader test).
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host.cgroup.hierarchy import HYBRID, LEGACY, UNIFIED, parse_membership, tree_path
from rktpy.log import Logger
from rktpy.systemd.facts import bus_refuses
from rktpy.systemd.features import SHARED_SUPERVISOR
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.systemd.bus import Bus
    from rktpy.systemd.facts import HostFacts

SERVICE = "service"
SCOPE = "scope"
NONE = "none"

_log = Logger("stage0")
_MACHINE_SLICE = "machine.slice"
_SILENT = {
    SERVICE: "the system bus does not run, machinectl will not know the pod",
    NONE: "the system bus does not run, so the pod stays in the caller's unit and machinectl will"
    " not know it (systemctl start dbus.socket)",
}
_POINTS = {
    UNIFIED: "/sys/fs/cgroup",
    HYBRID: "/sys/fs/cgroup/unified",
    LEGACY: "/sys/fs/cgroup/systemd",
}


class Placement(Value):
    """What nspawn is told, and what the file ``subcgroup`` of the pod will say."""

    kind: str  # SERVICE, SCOPE or NONE
    own: str  # cgroup of the caller as systemd names it, with leading slash
    subcgroup: str  # where the pod's PID 1 will be; no leading slash unless kind is NONE
    unit: str = ""  # the unit we stay in, or the scope that will be made
    slice: str = ""  # its slice
    register: bool = False  # machined is to know the pod

    @property
    def keep_unit(self) -> bool:
        """Whether nspawn must leave the unit tree alone."""
        return self.kind != SCOPE

    @property
    def restarts(self) -> bool:
        """Whether the pod is in a unit that can be started again, as a scope cannot."""
        return self.kind == SERVICE and self.unit.endswith(".service")

    def nspawn_options(self) -> tuple[str, ...]:
        """Return the options of systemd-nspawn that put this into effect."""
        register = "--register=yes" if self.register else "--register=no"
        return ("--keep-unit", register) if self.keep_unit else (register,)


class Process(Value):
    """What is known about the process that will become the pod, without asking anybody."""

    cgroups: str  # /proc/self/cgroup
    manager_cgroups: str = ""  # /proc/1/cgroup: the manager's own place is the root of its tree
    leader: bool = False  # session leader, as the main process of a service is
    exec_pid: int = 0  # $SYSTEMD_EXEC_PID, 0 if not set (before systemd 248, or cleaned away)
    pid: int = 0
    alone: bool | None = None  # the only process of its cgroup; None: could not be read


class Host(Value):
    """The part of the host's facts that placement depends on."""

    booted: bool  # systemd is PID 1
    machined: bool  # it will register machines
    manager: bool  # the system bus and systemd answer on it
    mode: str  # rktpy.host.cgroup.hierarchy
    systemd: int = 0  # major version, as in the facts


class UnitPath(Value):
    """A cgroup path read as systemd reads it (``cg_path_get_unit``)."""

    unit: str = ""
    slice: str = ""
    user: bool = False  # belongs to a login session or a user manager


def scope_name(uuid: str) -> str:
    """Return the scope that machined gives the machine ``rkt-<uuid>``."""
    return f"machine-{escape('rkt-' + uuid)}.scope"


def escape(text: str) -> str:
    r"""Return ``text`` as part of a unit name: ``-`` becomes ``\x2d`` and ``/`` becomes ``-``."""
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_."
    out = []
    for index, byte in enumerate(text.encode()):
        char = chr(byte)
        if char == "/":
            out.append("-")
        elif char in plain and not (char == "." and index == 0):
            out.append(char)
        else:
            out.append(f"\\x{byte:02x}")
    return "".join(out)


def read_unit(path: str, root: str = "/") -> UnitPath:
    """Read the cgroup ``path``; ``root`` is the cgroup that the manager calls its root slice."""
    if root != "/" and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    parts = [part.removeprefix("_") for part in path.split("/") if part]
    depth = 0
    while depth < len(parts) and parts[depth].endswith(".slice"):
        depth += 1
    inner = parts[depth - 1] if depth else "-.slice"
    unit = parts[depth] if depth < len(parts) and _is_unit(parts[depth]) else ""
    user = inner.startswith("user-") or unit.startswith(("user@", "session-"))
    return UnitPath(unit, inner, user)


def _is_unit(name: str) -> bool:
    return name.endswith((".service", ".scope"))


def slice_path(name: str) -> str:
    """Return the cgroup of a slice: ``a-b.slice`` is ``a.slice/a-b.slice``, ``-.slice`` is "".

    Raises:
        RktError: not a name that systemd takes for a slice.
    """
    stem = name.removesuffix(".slice")
    if name == "-.slice":
        return ""
    words = stem.split("-")
    if stem == name or "@" in stem or "/" in stem or "" in words:
        raise RktError(f"{name!r} is not a valid slice name")
    return "/".join("-".join(words[: i + 1]) + ".slice" for i in range(len(words)))


def decide(
    uuid: str, host: Host, process: Process, ask: Callable[[UnitPath], bool] | None = None
) -> Placement:
    """Return where the pod ``uuid`` belongs. Pure but for ``ask``.

    ``ask`` confirms with the manager that this process is the main one of a unit; it is
    called only when the files leave a doubt, and without it doubt means no.
    """
    own = tree_path(parse_membership(process.cgroups), host.mode)
    root = _manager_root(process.manager_cgroups, host.mode)
    unit = read_unit(own, root)
    if host.booted and unit.unit and not unit.user and _is_ours(unit, process, ask):
        base = _service_base(own, host)
        return Placement(SERVICE, own, base[1:], unit.unit, unit.slice, register=host.machined)
    if host.booted and (host.machined or host.manager):
        # Without machined nspawn asks the manager itself, and names the scope differently.
        scope = scope_name(uuid) if host.machined else f"rkt-{uuid}.scope"
        path = f"{root}/{_MACHINE_SLICE}/{scope}/payload".lstrip("/")
        return Placement(SCOPE, own, path, scope, _MACHINE_SLICE, register=host.machined)
    path = f"{own.rstrip('/')}/{scope_name(uuid)}/payload"
    return Placement(NONE, own, path)


def _manager_root(cgroups: str, mode: str) -> str:
    """Return the manager's root: where PID 1 is, without the scope it keeps itself in."""
    path = tree_path(parse_membership(cgroups), mode) if cgroups else "/"
    return path.removesuffix("/init.scope").rstrip("/") or "/"


def _service_base(own: str, host: Host) -> str:
    if own.endswith("/supervisor") and SHARED_SUPERVISOR.of(host.systemd):
        own = own.removesuffix("/supervisor")
    return own.rstrip("/") + "/payload"


def _is_ours(unit: UnitPath, process: Process, ask: Callable[[UnitPath], bool] | None) -> bool:
    """Return whether the unit exists for this process, so that the pod may fill it.

    Two pods in one unit would share a payload cgroup, so being somewhere below a service is
    not enough: a cron job is in cron.service and is a session leader like a main process.
    """
    if process.alone or (process.exec_pid == process.pid and process.exec_pid > 0):
        return True
    if unit.unit.endswith(".scope"):
        return False  # a scope has no main process; shared with others it is a shell's
    if process.exec_pid > 0 and process.alone is False:
        return False  # inherited from the real main process, which is still there
    if not process.leader and process.alone is False:
        return False
    return ask(unit) if ask is not None else False


def this_process(mode: str, environ: Mapping[str, str]) -> Process:
    """Read what is known about the calling process; ``environ`` is the caller's environment."""
    pid = os.getpid()
    cgroups = _read("/proc/self/cgroup")
    exec_pid = environ.get("SYSTEMD_EXEC_PID", "")
    return Process(
        cgroups=cgroups,
        manager_cgroups=_read("/proc/1/cgroup"),
        leader=os.getsid(0) == pid,
        exec_pid=int(exec_pid) if exec_pid.isascii() and exec_pid.isdigit() else 0,
        pid=pid,
        alone=_alone(mode, cgroups, pid),
    )


def _alone(mode: str, cgroups: str, pid: int) -> bool | None:
    own = tree_path(parse_membership(cgroups), mode)
    members = _read(f"{group_dir(mode, own)}/cgroup.procs").split()
    return members == [str(pid)] if str(pid) in members else None


def group_dir(mode: str, group: str) -> str:
    """Return the directory of a control group that systemd names ``group``."""
    return f"{_POINTS.get(mode, '')}{group}"


def _read(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(fd, 1 << 16).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
    finally:
        os.close(fd)


def place_pod(
    uuid: str,
    facts: HostFacts,
    environ: Mapping[str, str],
    *,
    connect: Callable[[], Bus] | None = None,
    quiet: bool = False,
) -> Placement:
    """Return where the pod ``uuid`` of the calling process belongs.

    Call it before any helper process is forked: being alone in the unit's cgroup is evidence.
    ``connect`` opens the system bus (default: ``rktpy.systemd.bus``), used only in doubt. ``quiet``
    leaves out the warnings, for who asks in advance.
    """
    silent = facts.booted and bus_refuses()
    host = Host(
        booted=facts.booted,
        machined=facts.machined and not silent,
        manager=facts.manager and not silent,
        mode=facts.cgroup_mode,
        systemd=facts.systemd,
    )

    def ask(unit: UnitPath) -> bool:
        from rktpy.systemd.manager import is_main_process

        return is_main_process(unit.unit, os.getpid(), connect=connect)

    process = this_process(facts.cgroup_mode, environ)
    placement = decide(uuid, host, process, ask if host.manager else None)
    if quiet:
        return placement
    if silent:
        _log.warning("%s", _SILENT[placement.kind])
    if placement.kind == SCOPE:
        from rktpy.systemd.stray import complaint

        root = _manager_root(process.manager_cgroups, host.mode)
        if text := complaint(placement, process, root, environ):
            _log.warning("%s", text)
    return placement


def app_controllers(placement: Placement, mode: str) -> frozenset[str]:
    """Return the controllers that the systemd of a pod placed by systemd can limit apps with.

    On cgroup2 those its unit has: all with ``Delegate=yes``, else what its neighbours happen to
    use. nspawn hands v1 controllers on for reading only.
    """
    if mode != UNIFIED:
        return frozenset()
    if placement.kind == SCOPE:
        # nspawn asks for a delegated one, and gets all there are.
        return frozenset(_read(f"{_POINTS[mode]}/cgroup.controllers").split())
    return frozenset(_read(f"{_POINTS[mode]}{placement.own}/cgroup.controllers").split())
