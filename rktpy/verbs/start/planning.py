"""Pod manifest and mounted trees → the plan that ``nspawn`` carries out.

The one place where what the manifest says (``pod``) meets what systemd is told (``nspawn``).
"""

from __future__ import annotations

import os

from rktpy.appc import isolators as of
from rktpy.appc.isolator import CAPS_REMOVE, CAPS_RETAIN, SECCOMP_REMOVE, SECCOMP_RETAIN
from rktpy.errors import RktError
from rktpy.flavour.plan import AppPlan, Bandwidth, PodPlan, SeccompPlan
from rktpy.flavour.seccomp import default_filter, filter_plan
from rktpy.host.tree.rootpath import stat_in_root
from rktpy.nspawn import podfilter
from rktpy.nspawn.streams import handed_streams
from rktpy.nspawn.unit.confine import HIDDEN_IN_PODS
from rktpy.nspawn.unit.units import API_DIRECTORIES, API_FILES
from rktpy.pod.app.annotations import annotated
from rktpy.pod.app.environment import app_environment, enter_file, reaches_apps, systemd_file
from rktpy.pod.app.executable import find_executable
from rktpy.pod.app.restart import Restart, restart_policy
from rktpy.pod.app.stopsignal import stop_signal
from rktpy.pod.app.streams import discarded_streams, reopens_streams
from rktpy.pod.app.users import check_in_range, resolve_identity
from rktpy.pod.app.watchdog import watchdog
from rktpy.pod.before.dns import Mode, hosts_fallback, hosts_file, resolv_conf
from rktpy.pod.before.places import check_kernel_directory, check_working_directory, find_places
from rktpy.pod.state.appstatus import BLANK, ROOM
from rktpy.pod.volume.resolve import resolve_mounts
from rktpy.systemd.features import RESTART_MODE
from rktpy.value import Value
from rktpy.verbs.start.activation import plan_sockets
from rktpy.verbs.start.binding import bind_all
from rktpy.verbs.start.limits import app_limits, asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.app import App
    from rktpy.appc.image import ImageManifest
    from rktpy.appc.pod import PodManifest, RuntimeApp
    from rktpy.flavour.plan import BindPlan, SocketPlan
    from rktpy.host.idmap import IdMap
    from rktpy.layout import PodTree
    from rktpy.log import Logger
    from rktpy.pod.before.dns import Dns
    from rktpy.verbs.site import Insecure
    from rktpy.verbs.start.requests import StartOptions

NOTIFY_ANNOTATION = "appc.io/executor/supports-systemd-notify"
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FREE = Bandwidth()
_RESOLV_CONF = "etc/rkt-resolv.conf"
_HOSTS = "etc/rkt-hosts"
_HOSTS_FALLBACK = "etc/hosts-fallback"


def hosts_place(dns: Dns) -> str:
    """Return the file of stage1 that apps see as /etc/hosts, below its root."""
    return _HOSTS if dns.hosts in (Mode.STAGE0, Mode.HOST) else _HOSTS_FALLBACK


class Planned(Value):
    """A pod's plan and the further files of stage1 that belong to it."""

    plan: PodPlan
    files: dict[str, bytes]


class Planner:
    """Plans the apps of one pod; its trees are mounted, or laid out, below ``tree``."""

    def __init__(
        self,
        *,
        uuid: str,
        manifest: PodManifest,
        images: dict[str, ImageManifest],
        tree: PodTree,
        start: StartOptions,
        insecure: Insecure,
        logger: Logger,
        idmap: IdMap | None = None,
        v1: bool = False,
        systemd: int = 0,
        bandwidth: Bandwidth = _FREE,
        reboots: bool = False,
    ) -> None:
        self.uuid = uuid
        self.bandwidth = bandwidth
        self.reboots = reboots
        self.manifest = manifest
        self.images = images
        self.tree = tree
        self.start = start
        self.systemd = systemd
        self.insecure = insecure
        self.logger = logger
        self.idmap = idmap
        self.first_id = idmap.first if idmap else 0
        self.v1 = v1
        self._sockets: dict[str, tuple[SocketPlan, ...]] = {}
        self.hostname = start.hostname or f"rkt-{uuid}"
        self.machine = os.uname().machine

    def plan(self, *, debug: bool) -> Planned:
        """Return the plan of the pod, creating the directories of its empty volumes.

        Raises:
            RktError: a user, program or volume of an app does not exist; the text says which.
        """
        files = self._pod_files()
        self._sockets = self._plan_sockets()
        apps = []
        for runtime in self.manifest.apps:
            app = self._app(runtime)
            files[f"rkt/env/{app.name}"] = enter_file(app.environment)
            files[f"rkt/env/{app.name}.systemd"] = systemd_file(app.environment)
            files[f"{ROOM}/{app.name}"] = BLANK
            apps.append(app)
        plan = PodPlan(
            uuid=self.uuid,
            apps=tuple(apps),
            hostname=self.hostname,
            interactive=self.start.interactive,
            handed_streams=handed_streams() if self.start.interactive and apps else (),
            debug=debug,
            ipc_parent=self.start.ipc == "parent",
            first_id=self.first_id,
            id_count=self.idmap.count if self.idmap else 0,
            limits=app_limits(self.manifest.isolators),
            isolators=asked(self.manifest.isolators),
            bandwidth=self.bandwidth,
            reboots=self.reboots,
            restart_mode=RESTART_MODE.may_be_in(self.systemd),
            fenced=not self.insecure.paths,
            hidden=() if self.insecure.paths else tuple(filter(os.path.exists, HIDDEN_IN_PODS)),
        )
        return Planned(plan, files)

    def _app(self, runtime: RuntimeApp) -> AppPlan:
        image = self.images[runtime.name]
        app = runtime.app or image.app
        if app is None:  # compose and complete see to it; a damaged manifest may still come here
            raise RktError(f"app {runtime.name!r} of the pod manifest has nothing to run")
        rootfs = self.tree.app_rootfs(runtime.name)
        identity = resolve_identity(rootfs, app, image, first_id=self.first_id)
        if self.idmap:
            check_in_range(identity, self.idmap.count)
        filter_ = self._filter(app)
        binds = self._binds(runtime, app, image, rootfs)
        files = self._app_files(rootfs)
        check_kernel_directory(app.working_directory or "/", self.systemd)
        _check_directory(rootfs, image, app, binds)
        return AppPlan(
            name=runtime.name,
            image_name=image.name,
            argv=(find_executable(rootfs, app, image.name), *app.exec[1:]),
            working_directory=app.working_directory or "/",
            uid=identity.uid,
            gid=identity.gid,
            supplementary_gids=identity.supplementary_gids,
            environment=self._environment(runtime.name, app),
            discarded=() if self.start.interactive else discarded_streams(runtime),
            reopens=not self.start.interactive and reopens_streams(runtime, rootfs),
            pre_start=_handlers(app, "pre-start"),
            post_stop=_handlers(app, "post-stop"),
            read_only_rootfs=runtime.read_only_rootfs,
            binds=binds,
            files=files,
            places=_places(rootfs, image, binds, files),
            # systemd hands streams over once, and whoever is there to talk sees the end.
            restart=Restart.NO if self.start.interactive else restart_policy(runtime, image),
            stop_signal=stop_signal(runtime, image),
            notify=annotated(runtime, image, NOTIFY_ANNOTATION) in _TRUE,
            watchdog=watchdog(runtime, image),
            capabilities=None if self.insecure.capabilities else of.bounding_set(app.isolators),
            seccomp=filter_,
            # Without CAP_SYS_ADMIN a filter can only be installed together with this.
            no_new_privileges=of.no_new_privileges(app.isolators)
            or (filter_ is not None and identity.uid != 0),
            protect_paths=not self.insecure.paths,
            limits=app_limits(app.isolators, v1=self.v1),
            isolators=asked(app.isolators),
            lifted=self._lifted(),
            sockets=self._sockets.get(runtime.name, ()),
        )

    def _environment(self, name: str, app: App) -> dict[str, str]:
        """Return the variables of ``app``, without those that systemd hands to no program."""
        own = {variable.name: variable.value for variable in app.environment}
        for variable in own:
            if not reaches_apps(variable):
                self.logger.warning(
                    "warning: variable %s of app %s is left out: systemd takes no such name",
                    variable,
                    name,
                )
        reached = {variable: value for variable, value in own.items() if reaches_apps(variable)}
        return app_environment(reached, app=name)

    def _binds(
        self, runtime: RuntimeApp, app: App, image: ImageManifest, rootfs: str
    ) -> tuple[BindPlan, ...]:
        resolution = resolve_mounts(self.manifest, runtime, app, image, tree=self.tree)
        for warning in resolution.warnings:
            self.logger.warning("%s", warning)
        return bind_all(
            resolution.mounts, rootfs, tree=self.tree, idmap=self.idmap, logger=self.logger
        )

    def _filter(self, app: App) -> SeccompPlan | None:
        if self.insecure.seccomp:
            return None
        asked = of.seccomp(app.isolators)
        if asked is None:
            return default_filter(self.machine, pod_filtered=podfilter.applies(self.systemd))
        mode, chosen = asked
        return filter_plan(
            retain=mode == of.SeccompMode.RETAIN,
            names=chosen.names,
            errno=chosen.errno,
            machine=self.machine,
        )

    def _lifted(self) -> tuple[str, ...]:
        """Return the isolators that ``--insecure-options`` makes void."""
        capabilities = (CAPS_RETAIN, CAPS_REMOVE) if self.insecure.capabilities else ()
        return capabilities + ((SECCOMP_RETAIN, SECCOMP_REMOVE) if self.insecure.seccomp else ())

    def _plan_sockets(self) -> dict[str, tuple[SocketPlan, ...]]:
        apps = {app.name: app.app or self.images[app.name].app for app in self.manifest.apps}
        ports = {name: app.ports if app else () for name, app in apps.items()}
        return plan_sockets(self.manifest, ports, os.environ, self.logger)

    def _pod_files(self) -> dict[str, bytes]:
        """Return the files of stage1's /etc that apps are given to see."""
        dns = self.start.dns
        files = {_HOSTS_FALLBACK: hosts_fallback(self.hostname).encode()}
        if dns.resolv == Mode.STAGE0:
            files[_RESOLV_CONF] = resolv_conf(dns).encode()
        elif dns.resolv == Mode.HOST:
            files[_RESOLV_CONF] = _host_file("/etc/resolv.conf")
        if dns.hosts == Mode.STAGE0:
            files[_HOSTS] = hosts_file(dns, self.hostname).encode()
        elif dns.hosts == Mode.HOST:
            files[_HOSTS] = _host_file("/etc/hosts")
        return files

    def _app_files(self, rootfs: str) -> tuple[tuple[str, str], ...]:
        dns = self.start.dns
        files = []
        if dns.resolv in (Mode.STAGE0, Mode.HOST):
            files.append((f"/{_RESOLV_CONF}", "/etc/resolv.conf"))
        if dns.hosts in (Mode.STAGE0, Mode.HOST):
            files.append((f"/{_HOSTS}", "/etc/hosts"))
        elif not _has_content(rootfs, "/etc/hosts"):
            files.append((f"/{_HOSTS_FALLBACK}", "/etc/hosts"))
        return tuple(files)


def _places(
    rootfs: str,
    image: ImageManifest,
    binds: tuple[BindPlan, ...],
    files: tuple[tuple[str, str], ...],
) -> dict[str, str]:
    targets = (*API_FILES, *(target for _, target in files))
    taken = {bind.target for bind in binds}
    return find_places(rootfs, image.name, API_DIRECTORIES, targets, taken=taken)


def _check_directory(
    rootfs: str, image: ImageManifest, app: App, binds: tuple[BindPlan, ...]
) -> None:
    if not _handlers(app, "pre-start"):  # which may make it
        taken = {bind.target for bind in binds}
        check_working_directory(rootfs, image.name, app.working_directory or "/", taken=taken)


def _handlers(app: App, name: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(handler.exec) for handler in app.event_handlers if handler.name == name)


def _has_content(rootfs: str, path: str) -> bool:
    """Whether ``path`` is more than the empty file that stands ready as a mount point."""
    try:
        return stat_in_root(rootfs, path).st_size > 0
    except OSError:
        return False


def _host_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError as error:
        raise RktError(f"cannot read {path} of the host") from error
