"""Pod plan → unit files. Pure: ``{name: text}``, nothing on disk (rkt: stage1/init/common).

How a pod lives and ends. ``default.target`` wants every app; apps, and after them their reapers,
hold ``apps.target``. An app's end starts its reaper, which writes the app's status and, after the
first failure, lets the pod exit with that status. An app that is to be restarted has not ended.
When the last reaper is gone ``apps.target`` falls and exits with 0. On SIGTERM ``halt.target``
comes instead. Either way ``shutdown.target`` conflicts with apps, so that each gets its stop job
with hooks and time limit, and with reapers, which are not started any more: an app stopped along
with the pod counts as 0, as in rkt, and ``stopped.service`` says so.
"""

from __future__ import annotations

from rktpy.nspawn.unit.confine import confinement
from rktpy.nspawn.unit.owncgroups import own_cgroups
from rktpy.nspawn.unit.quoting import bind_word, command_line, directory, quote, specifiers
from rktpy.nspawn.unit.unitfile import UnitFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.flavour.plan import AppPlan, PodPlan, SocketPlan

# Beside the static units of the image: fewer directories to copy up, and so to delete.
UNIT_DIR = "etc/systemd/system"
_JOURNAL_SOCKETS = "systemd-journald.socket systemd-journald-dev-log.socket"
# What every app finds in its root besides its own files (appc executor ABI; rkt: prepare-app).
_DEVICES = tuple(
    f"/dev/{name}"
    for name in ("null", "zero", "full", "random", "urandom", "tty", "console", "net/tun")
)
_PLAIN_DIRECTORIES = ("/dev/pts", "/dev/shm", "/run/systemd/journal")  # noqa: S108 - the pod's
_HOSTNAME = "/etc/hostname"
API_DIRECTORIES = ("/proc", "/sys", "/run/systemd/incoming", *_PLAIN_DIRECTORIES)
API_FILES = (*_DEVICES, _HOSTNAME)
# A fifth failure within ten seconds is the last: systemd's own limit, told where it can be read.
_START_LIMIT_SECONDS = 10
_START_LIMIT_BURST = 5
_OUTPUTS = 2


def unit_files(pod: PodPlan) -> dict[str, str]:
    """Return every unit that this pod adds to the ones its stage1 image ships."""
    units = {"default.target": _default_target(pod), "stopped.service": _stopped(pod)}
    for app in pod.apps:
        # A unit that is handed streams is made by request; it finds the rest of itself here.
        service = f"{app.name}.service"
        units[f"{service}.d/pod.conf" if pod.handed_streams else service] = _app_service(pod, app)
        units[f"reaper-{app.name}@.service"] = _reaper(app)
        for name, socket in zip(_socket_names(app), app.sockets, strict=True):
            units[name] = _socket(app, socket)
    if pod.reboots:
        units["systemd-reboot.service.d/pod.conf"] = _reboot()
    return units


def unit_links(pod: PodPlan) -> dict[str, str]:
    """Return ``{link below UNIT_DIR: target}``: what starts by itself."""
    return {
        f"sockets.target.wants/{name}": f"../{name}"
        for app in pod.apps
        for name in _socket_names(app)
    }


def environment_path(app: str) -> str:
    """Where the manager reads the environment of ``app``: quoted, unlike ``/rkt/env/<app>``."""
    return f"/rkt/env/{app}.systemd"


def _default_target(pod: PodPlan) -> str:
    unit = UnitFile()
    unit.add("Unit", "Description", "rkt apps target")
    unit.add("Unit", "DefaultDependencies", "no")
    unit.add("Unit", "Wants", "supervisor-ready.socket stopped.service")
    unit.add("Unit", "After", "stopped.service")  # a pod that is ready can be stopped
    if pod.handed_streams:
        unit.add("Unit", "Wants", "streams.service")
        unit.add("Unit", "After", "streams.service")
    for app in pod.apps:
        # With an app that is handed streams they would come too late: a socket does not start
        # when its service, stopped.service, is up.
        for name in _socket_names(app):
            unit.add("Unit", "Wants", name)
        unit.add("Unit", "After", f"{app.name}.service")
        # systemd says READY=1 when no job is left. As long as this one waits for a reaper, a pod
        # with an app that failed to start is not ready, until it ends.
        unit.add("Unit", "After", f"reaper-{app.name}@failure.service")
        unit.add("Unit", "Wants", f"{app.name}.service")
    return unit.text()


def _stopped(pod: PodPlan) -> str:
    """Return the unit that speaks for the apps that are stopped with the pod."""
    unit = UnitFile()
    unit.add("Unit", "Description", "Statuses of apps that are stopped with the pod")
    unit.add("Unit", "DefaultDependencies", "no")
    # So it is stopped before that target, whose end is the pod's.
    unit.add("Unit", "After", "apps.target")
    unit.add("Unit", "Conflicts", "shutdown.target")
    unit.add("Unit", "Before", "shutdown.target")
    unit.add("Service", "Type", "oneshot")
    unit.add("Service", "RemainAfterExit", "yes")
    names = " ".join(quote(app.name) for app in pod.apps)
    unit.add("Service", "ExecStop", f"/usr/bin/sh /rkt/libexec/stopped {names}")
    return unit.text()


def _reboot() -> str:
    """Return what makes a reboot one; nspawn ends with 133 then (RestartForceExitStatus=133)."""
    unit = UnitFile()
    unit.add("Unit", "SuccessAction", "reboot-force")
    return unit.text()


def _reaper(app: AppPlan) -> str:
    unit = UnitFile()
    unit.add("Unit", "Description", f"{app.name} Reaper")
    unit.add("Unit", "DefaultDependencies", "no")
    unit.add("Unit", "Wants", "apps.target")
    # journald starts beside the apps; waiting for it here keeps the lines of the shortest app.
    unit.add("Unit", "After", "apps.target systemd-journald.service")
    unit.add("Unit", "Conflicts", "shutdown.target")
    unit.add("Unit", "Before", "shutdown.target")
    if app.restart != "no":
        # A restarted app counts as ended for a moment, in systemd before RestartMode=: it has been
        # stopped and its start is queued. That job makes PID 1 refuse ours, which would stop it.
        unit.add("Unit", "Conflicts", f"{app.name}.service")
    unit.add("Unit", "FailureAction", "exit")  # with the status of the reaper, which is the app's
    unit.add("Service", "Type", "oneshot")
    # One that was started is let finish when the pod ends: killed while it writes, it would leave
    # an empty status, for which stopped.service says nothing. It takes milliseconds.
    unit.add("Service", "KillSignal", "SIGCONT")
    words = " ".join(quote(word, dollars=True) for word in (app.name, app.root, app.argv[0]))
    unit.add("Service", "ExecStart", f"/usr/bin/sh /rkt/libexec/reaper {words}")
    unit.add("Service", "StandardInput", "null")
    unit.add("Service", "StandardOutput", "journal+console")
    unit.add("Service", "StandardError", "journal+console")
    unit.add("Service", "SyslogIdentifier", app.name)
    return unit.text()


def _socket_names(app: AppPlan) -> list[str]:
    """Return the names of the units of ``app.sockets``; "@" is in no name of an app."""
    marks = ("", *(f"@{number}" for number in range(2, len(app.sockets) + 1)))
    return [f"{app.name}{mark}.socket" for mark in marks[: len(app.sockets)]]


def _socket(app: AppPlan, socket: SocketPlan) -> str:
    """Return a unit whose sockets PID 1 finds among those handed to it, by their addresses."""
    unit = UnitFile()
    text = f"Application={app.name} Image={app.image_name} socket-activated ports"
    unit.add("Unit", "Description", specifiers(text))
    unit.add("Unit", "DefaultDependencies", "no")
    unit.add("Socket", "BindIPv6Only", "both")
    # Not the app: it starts with the pod, and connections that come after its end are for the next
    # pod. A unit that is up already keeps PID 1 from looking at the socket. There is no conflict
    # with shutdown.target either: a socket with a stop job takes what waits there, to hang up.
    unit.add("Socket", "Service", "stopped.service")
    if socket.name:
        unit.add("Socket", "FileDescriptorName", specifiers(socket.name))
    for option, address in socket.listens:
        unit.add("Socket", option, specifiers(address))
    return unit.text()


def _app_service(pod: PodPlan, app: AppPlan) -> str:
    unit = UnitFile()
    unit.add("Unit", "Description", specifiers(f"Application={app.name} Image={app.image_name}"))
    unit.add("Unit", "DefaultDependencies", "no")
    unit.add("Unit", "Wants", "apps.target systemd-journald.service")
    # Two instances of one unit: systemd says MONITOR_* only to what one dependency can start.
    unit.add("Unit", "OnSuccess", f"reaper-{app.name}@success.service")
    unit.add("Unit", "OnFailure", f"reaper-{app.name}@failure.service")
    unit.add("Unit", "Requires", _JOURNAL_SOCKETS)
    unit.add("Unit", "After", f"apps.target {_JOURNAL_SOCKETS}")
    unit.add("Unit", "Conflicts", "shutdown.target")
    unit.add("Unit", "Before", "shutdown.target")
    for name in _socket_names(app):
        unit.add("Unit", "Requires", name)
        unit.add("Service", "Sockets", name)
    if _has_fifo(app):
        # The order holds for the end too: the FIFO is closed when the app has written its last.
        unit.add("Unit", "Requires", f"output@{app.name}.socket")
        unit.add("Unit", "Wants", f"output@{app.name}.service")
        unit.add("Unit", "After", f"output@{app.name}.socket output@{app.name}.service")
    unit.add("Service", "SyslogIdentifier", app.name)
    # exec: the pod is ready when every app has been executed, not merely forked.
    unit.add("Service", "Type", "notify" if app.notify else "exec")
    unit.add("Service", "TimeoutStartSec", "0")
    if app.watchdog:
        unit.add("Service", "WatchdogSec", f"{app.watchdog}ms")
    for section, name, value in _restart(pod, app):
        unit.add(section, name, value)
    for name, value in (
        *_streams(pod, app), *_commands(app), *_identity(app), *_root(pod, app), *confinement(app),
        *own_cgroups(pod, app),
    ):  # fmt: skip
        unit.add("Service", name, value)
    return unit.text()


def _restart(pod: PodPlan, app: AppPlan) -> Iterator[tuple[str, str, str]]:
    """Yield when the app is started again. One that cannot stay up has ended, with its last status.

    A restart never meets a stop: an app with a stop job, as in a pod that ends, stays down.
    """
    yield "Service", "Restart", app.restart
    if app.restart == "no":
        return
    yield "Unit", "StartLimitIntervalSec", f"{_START_LIMIT_SECONDS}"
    yield "Unit", "StartLimitBurst", f"{_START_LIMIT_BURST}"
    yield "Service", "RestartSec", "100ms"
    if pod.restart_mode:
        yield "Service", "RestartMode", "direct"
    if app.restart == "on-failure":
        # systemd takes these deaths for a good end, a pod's status does not.
        yield "Service", "RestartForceExitStatus", "SIGHUP SIGINT SIGTERM SIGPIPE"


def _has_fifo(app: AppPlan) -> bool:
    """Return whether what ``app`` prints goes through a FIFO (stage1: output@.socket)."""
    return app.reopens and len(app.discarded) < _OUTPUTS


def _streams(pod: PodPlan, app: AppPlan) -> Iterator[tuple[str, str]]:
    if pod.handed_streams:  # they come with the start of the unit
        yield "PassEnvironment", "TERM"
    else:
        yield "StandardInput", "tty" if pod.interactive else "null"
        output = "tty" if pod.interactive else "journal+console"
        if _has_fifo(app):
            output = f"file:/run/rkt/output/{app.name}"
        yield "StandardOutput", "null" if "stdout" in app.discarded else output
        yield "StandardError", "null" if "stderr" in app.discarded else output
    if pod.interactive:
        yield "IgnoreSIGPIPE", "no"  # as anywhere in a pipeline; systemd's default is for journald


def _commands(app: AppPlan) -> Iterator[tuple[str, str]]:
    yield "ExecStart", command_line(app.argv)
    # "!" lifts the app's user, groups and capabilities from its hooks (rkt 1.30: hooks are root).
    for argv in app.pre_start:
        yield "ExecStartPre", "!" + command_line(argv)
    for argv in app.post_stop:
        yield "ExecStopPost", "!" + command_line(argv)
    if app.stop_signal:
        yield "KillSignal", app.stop_signal


def _identity(app: AppPlan) -> Iterator[tuple[str, str]]:
    yield "WorkingDirectory", directory(app.working_directory)
    yield "EnvironmentFile", environment_path(app.name)
    yield "User", str(app.uid)
    yield "Group", str(app.gid)
    for gid in app.supplementary_gids:
        yield "SupplementaryGroups", str(gid)


def _root(pod: PodPlan, app: AppPlan) -> Iterator[tuple[str, str]]:
    """Yield the app's root and what is bound into it.

    systemd resolves the targets inside the root, so an image's links cannot lead out of it
    (rkt's prepare-app followed them; rkt-stage1.md 6.5).
    """
    yield "RootDirectory", app.root
    yield "MountAPIVFS", "no"
    yield "MountFlags", "shared"
    yield "BindPaths", "/proc"
    taken = {bind.target for bind in app.binds}
    if not any(target == "/sys" or target.startswith("/sys/") for target in taken):
        yield "BindPaths", "/sys"
    bound = [(f"-{device}", device) for device in _DEVICES]
    bound += [(directory, directory) for directory in _PLAIN_DIRECTORIES]
    if app.notify or app.watchdog:
        bound.append(("/run/systemd/notify", "/run/systemd/notify"))
    hostname = (_hostname_file(pod.hostname), _HOSTNAME)
    bound += [(f"-{source}", target) for source, target in (hostname, *app.files)]
    for source, target in bound:
        place = app.places.get(target, target)
        if place in taken:
            continue  # a volume on the path wins
        plain = source.lstrip("-") == place
        yield "BindPaths", source if plain else f"{source}:{bind_word(place)}"


def _hostname_file(hostname: str) -> str:
    """Return where apps read their host name: of the kernel, which follows changes of it.

    The pod's systemd leaves "_" out of the name it gives the kernel. Then the file, at least, says
    what was asked for.
    """
    return _HOSTNAME if "_" in hostname else "/proc/sys/kernel/hostname"
