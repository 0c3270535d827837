"""What a pod is to become, fully resolved: the input of ``units`` and ``command``. Pure data."""

from __future__ import annotations

from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.host.device_fence import Device


class BindPlan(Value):
    """A host directory, file or device that appears inside one app."""

    source: str
    target: str  # resolved inside the app's root, absolute there
    read_only: bool = False
    recursive: bool = True
    device: Device | None = None  # if that is what it is
    attached: bool = False  # mounted in the app's tree already


class SocketPlan(Value):
    """A socket unit of the pod: sockets that the host hands over, or that the pod opens itself."""

    listens: tuple[tuple[str, str], ...]  # options of systemd.socket(5) and values, not escaped
    name: str = ""  # under which the app finds them, FileDescriptorName=; "" is the unit's own


class SeccompPlan(Value):
    """A system call filter: an allow list (``retain``) or a deny list."""

    retain: bool
    names: tuple[str, ...]
    errno: str = ""  # what a refused call returns; empty kills with SIGSYS
    absent: tuple[str, ...] = ()  # refused with ENOSYS, as a kernel without them would


class Limits(Value):
    """Resource isolators of one app; ``None`` means not limited."""

    memory: int | None = None  # bytes
    cpu_percent: int | None = None  # of one CPU
    cpu_shares: int | None = None
    pids: int | None = None
    block_bandwidth: int | None = None  # bytes per second of each of ``disks``, each way
    block_iops: int | None = None  # the same in operations
    disks: tuple[str, ...] = ()  # "major:minor"
    oom_score_adj: int | None = None
    v1: bool = False  # the controllers of the host are v1's


class AppPlan(Value):
    """One app, ready to be written as units."""

    name: str
    image_name: str
    argv: tuple[str, ...]  # argv[0] is a path inside the app's root
    working_directory: str = "/"
    uid: int = 0
    gid: int = 0
    supplementary_gids: tuple[int, ...] = ()
    environment: Mapping[str, str] = {}
    discarded: tuple[str, ...] = ()  # of "stdout" and "stderr"
    reopens: bool = False  # opens its output by name, so that is a FIFO (docs/adr/0021)
    pre_start: tuple[tuple[str, ...], ...] = ()
    post_stop: tuple[tuple[str, ...], ...] = ()
    read_only_rootfs: bool = False
    binds: tuple[BindPlan, ...] = ()
    files: tuple[tuple[str, str], ...] = ()  # (file of stage1, where the app sees it)
    places: Mapping[str, str] = {}  # where files and API paths end that the image made links
    notify: bool = False  # says READY=1 itself
    watchdog: int = 0  # milliseconds without WATCHDOG=1 after which it is killed; 0 is never
    restart: str = "no"  # "on-failure" or "always", as systemd has them
    stop_signal: str = ""  # a name or number systemd knows; empty is SIGTERM
    capabilities: tuple[str, ...] | None = None  # bounding set; None leaves it whole
    seccomp: SeccompPlan | None = None
    no_new_privileges: bool = False
    protect_paths: bool = True
    limits: Limits = Limits()
    isolators: Mapping[str, object] = {}  # as the manifest asks: {name: value}, the effective ones
    lifted: tuple[str, ...] = ()  # names of isolators that the user made void
    sockets: tuple[SocketPlan, ...] = ()

    @property
    def root(self) -> str:
        """The app's root as the pod's PID 1 sees it."""
        return f"/opt/stage2/{self.name}/rootfs"

    @property
    def sees_cgroups(self) -> bool:
        """Whether it is shown its own part of the control groups: limits that it can read."""
        limits = self.limits
        held = (limits.memory, limits.cpu_percent, limits.cpu_shares, limits.pids)
        taken = any(bind.target == "/sys" or bind.target.startswith("/sys/") for bind in self.binds)
        return self.protect_paths and not taken and any(limit is not None for limit in held)


class Bandwidth(Value):
    """Why limits of the network do not hold, those of the pod and of apps; empty if they do."""

    pod: str = ""
    apps: str = ""


class PodPlan(Value):
    """A pod, ready to be started."""

    uuid: str
    apps: tuple[AppPlan, ...]
    hostname: str
    interactive: bool = False
    handed_streams: tuple[int, ...] = ()  # streams 0 to 2 that the app gets as they are
    debug: bool = False
    ipc_parent: bool = False
    limits: Limits = Limits()  # of the pod as a whole
    isolators: Mapping[str, object] = {}  # likewise
    bandwidth: Bandwidth = Bandwidth()
    fenced: bool = True  # apps may use a few devices only
    hidden: tuple[str, ...] = ()  # paths of the kernel that nobody in the pod is to see
    reboots: bool = False  # a service of the host may start it again, and is told to
    restart_mode: bool = False  # its systemd has RestartMode=
    first_id: int = 0  # the host's id of the pod's root; 0 is no user namespace
    id_count: int = 0

    @property
    def machine(self) -> str:
        """Name under which machined knows the pod."""
        return f"rkt-{self.uuid}"

    @property
    def machine_id(self) -> str:
        return self.uuid.replace("-", "")
