"""Pod plan → argv and environment of systemd-nspawn. Pure (rkt: stage1/init/init.go)."""

from __future__ import annotations

from rktpy.nspawn import lifeline
from rktpy.nspawn.limits.podlimits import scope_properties
from rktpy.nspawn.unit.confine import HIDDEN_DIRECTORY
from rktpy.nspawn.unit.owncgroups import FS_DIRECTORY
from rktpy.nspawn.unit.quoting import nspawn_path
from rktpy.systemd.features import BACKGROUND
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rktpy.flavour.plan import AppPlan, PodPlan
    from rktpy.nspawn.limits.controllers import Handed

_REBOOT = "CAP_SYS_BOOT"


class HostTraits(Value):
    """What the command line depends on besides the pod."""

    nspawn: str  # absolute path
    booted: bool  # the host's PID 1 is systemd
    register: bool
    keep_unit: bool
    systemd: int  # major version, as in the host's facts
    filtered: bool = False  # this process is under the pod's system call filter already
    before_systemd: tuple[str, ...] = ()  # programs that the pod's tree has for ``lifeline``


def nspawn_argv(
    pod: PodPlan, host: HostTraits, root: str, handed: tuple[Handed, ...] = ()
) -> list[str]:
    """Return the command that becomes the pod, its tree at ``root``.

    ``handed`` are the v1 controllers that the pod's systemd may use.
    """
    argv = [host.nspawn, *_host_options(pod, host)]
    if not pod.debug:
        argv.append("--quiet")
    if pod.interactive:
        # Said, because the default looks at both ends.
        argv.append(f"--console={'read-only' if 0 in pod.handed_streams else 'interactive'}")
    if pod.first_id:
        argv.append(f"--private-users={pod.first_id}:{pod.id_count}")
        argv.append("--private-users-ownership=off")  # the trees are mapped already
    argv += [f"--uuid={pod.uuid}", f"--machine={pod.machine}", f"--directory={root}"]
    for app in pod.apps:
        argv += _binds(app)
    argv += _covers(pod)
    if handed:
        argv.append("--tmpfs=/sys/fs/cgroup:mode=755")  # nspawn adds the other hierarchies
        argv += [_controller(one) for one in handed]
    argv += _capabilities(pod)
    argv.append("--")
    if host.before_systemd:
        argv += lifeline.init(host.before_systemd)
    # For the pod's systemd as on a kernel's command line, which is what it takes them for in a
    # container. Later versions ignore options (seen with 262), these words no version does.
    argv.append("systemd.default_standard_output=tty")
    if not pod.debug:
        argv += ["systemd.log_target=null", "systemd.show_status=0"]
    return argv


def _host_options(pod: PodPlan, host: HostTraits) -> Iterator[str]:
    # What --boot means besides finding an init: SIGTERM is for systemd to stop.
    yield f"--kill-signal={lifeline.HALT}" if host.before_systemd else "--boot"
    yield "--notify-ready=yes"
    yield "--settings=no"  # a host's /etc/systemd/nspawn/*.nspawn must not change pods
    yield "--resolv-conf=off"
    yield "--timezone=off"
    yield f"--register={'yes' if host.register else 'no'}"
    yield f"--link-journal={'try-guest' if host.booted else 'no'}"
    if host.keep_unit:
        yield "--keep-unit"
    else:
        for words in scope_properties(pod):
            yield f"--property={words}"
    if BACKGROUND.of(host.systemd):
        yield "--background="


def nspawn_environment(pod: PodPlan, host: HostTraits, caller: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment with what the pod needs; ours wins.

    ``NOTIFY_SOCKET`` and ``LISTEN_FDS`` pass through, so readiness and socket activation of the
    host's service work; nspawn's own switches do not (rkt-stage1.md 1.7).
    """
    env = {name: value for name, value in caller.items() if not name.startswith("SYSTEMD_NSPAWN_")}
    env["SYSTEMD_NSPAWN_CONTAINER_SERVICE"] = "rkt"
    # The tree is the pod's own, and locked as such; nspawn's lock files outlive its SIGKILL.
    env["SYSTEMD_NSPAWN_LOCK"] = "0"
    if host.filtered:
        env["SYSTEMD_SECCOMP"] = "0"  # nspawn's alone; the pod's systemd does not see it
    if not pod.debug:
        env["SYSTEMD_LOG_LEVEL"] = "err"
    if not pod.interactive or pod.handed_streams == (0, 1, 2):
        # No terminal reads what the pod's systemd says, and 257 begins with escape sequences.
        env["TERM"] = "dumb"
    if pod.ipc_parent:
        env["SYSTEMD_NSPAWN_SHARE_NS_IPC"] = "1"
    if not all(app.protect_paths for app in pod.apps):
        env["SYSTEMD_NSPAWN_API_VFS_WRITABLE"] = "yes"
    return env


def _binds(app: AppPlan) -> Iterator[str]:
    for bind in app.binds:
        if bind.attached:
            continue
        option = "--bind-ro" if bind.read_only else "--bind"
        target = nspawn_path(app.root + bind.target)
        depth = "rbind" if bind.recursive else "norbind"
        yield f"{option}={nspawn_path(bind.source)}:{target}:{depth}"


def _controller(handed: Handed) -> str:
    source, target = nspawn_path(handed.directory), nspawn_path(f"/sys/fs/cgroup/{handed.name}")
    return f"--bind={source}:{target}:norbind"


def _covers(pod: PodPlan) -> Iterator[str]:
    """Yield what hides files of the kernel, in the pod and (by binds of the first) in its apps."""
    if pod.hidden:
        yield f"--bind-ro=+{HIDDEN_DIRECTORY}:{HIDDEN_DIRECTORY}:norbind"
    if any(app.sees_cgroups for app in pod.apps):
        yield f"--bind-ro=+{FS_DIRECTORY}:{FS_DIRECTORY}:norbind"
    for path in pod.hidden:
        # nspawn does /proc last: by then it sees the pod's root, with nodes of its own for this.
        in_proc = path.startswith("/proc/")
        cover = "/run/host/inaccessible/reg" if in_proc else f"+{HIDDEN_DIRECTORY}"
        yield f"--bind-ro={cover}:{path}:norbind"


def _capabilities(pod: PodPlan) -> Iterator[str]:
    """Yield what apps need beyond nspawn's own set; per-app bounds are in their units.

    A pod that nobody starts again has no reboot(2): nspawn would take it for a reboot. systemd
    ends without it.
    """
    wanted = {name for app in pod.apps for name in app.capabilities or ()}
    everything = any(app.capabilities is None for app in pod.apps)
    if not (pod.reboots or everything or _REBOOT in wanted):
        yield f"--drop-capability={_REBOOT}"
    for app in pod.apps:
        if app.capabilities is None:
            yield "--capability=all"
            return
        if app.capabilities:
            yield f"--capability={','.join(app.capabilities)}"
