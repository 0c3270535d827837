"""What this host can do, probed once per boot and cached in ``/run/rktpy/host.json``.

Cheap facts (is systemd PID 1, the cgroup layout, which nspawn) are read each time. They are part
of the key under which the expensive ones (systemd's version, whether machined will register, the
built-in stage1) are cached, so that a change of the former always discards the latter.

What can go stale: machined answers when it is probed and cannot be started later, although no unit
file, mask, bus socket or nspawn has changed. nspawn then reports it. A "no" that came from an error
or a timeout is probed again after ``RETRY_SECONDS``. Whether the bus is stopped is not cached: see
``bus_refuses``.
"""

from __future__ import annotations

import errno
import os
import time

from rktpy.codec import compact, parse
from rktpy.errors import RktError
from rktpy.host.cgroup.hierarchy import mode_of_mountinfo
from rktpy.host.files import read_bytes, write_atomic
from rktpy.layout import RUNTIME_DIR
from rktpy.log import Logger
from rktpy.value import Value
from rktpy.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.systemd.bus import Bus

HOST_FILE = f"{RUNTIME_DIR}/host.json"
RETRY_SECONDS = 60
BUS_SOCKET = "/run/dbus/system_bus_socket"

_FORMAT = 1
_LIMIT = 1 << 16
# Whatever of these appears, goes or is replaced may change whether machined answers.
_MACHINED_MARKS = (
    BUS_SOCKET,
    "/usr/lib/systemd/system/systemd-machined.service",
    "/etc/systemd/system/systemd-machined.service",
    "/run/systemd/system/systemd-machined.service",
    "/etc/systemd/system/dbus-org.freedesktop.machine1.service",
    "/usr/share/dbus-1/system-services/org.freedesktop.machine1.service",
)
_SYSTEMD_BINARIES = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")

_log = Logger("stage0")


class HostFacts(Value):
    """Facts that hold until the next boot or upgrade."""

    booted: bool  # systemd is PID 1 (sd_booted)
    cgroup_mode: str  # rktpy.host.cgroup.hierarchy
    nspawn: str  # absolute path of systemd-nspawn, "" if there is none
    systemd: int  # major version, 0 if it cannot be told
    machined: bool  # org.freedesktop.machine1 will register machines
    manager: bool  # org.freedesktop.systemd1 can be asked over the bus
    overlay: bool  # overlayfs can be mounted
    idmapped_mounts: bool  # mount_setattr(2) knows MOUNT_ATTR_IDMAP: Linux 5.12
    idmapped_layers: bool  # overlayfs takes such mounts as layers: Linux 5.19
    stage1: str = ""  # what the built-in stage1 was last assembled as; see ``remember``


class BusAnswer(Value):
    """What the system bus said about systemd and machined."""

    machined: bool
    manager: bool
    final: bool = True  # False: it could not be asked, so ask again soon


def host_facts(
    environ: Mapping[str, str],
    *,
    path: str = HOST_FILE,
    connect: Callable[[], Bus] | None = None,
) -> HostFacts:
    """Return the facts, from the cache ``path`` if they still hold, else probed and cached there.

    ``environ`` has the ``PATH`` to search. A cache that is missing, damaged, somebody else's or not
    writable costs a probe and is never an error. ``connect`` opens the system bus.
    """
    live = _live_facts(environ.get("PATH", ""))
    kept = _load(path, live.key)
    if kept is not None:
        return live.facts(kept)
    kept = _probe(live, connect)
    _save(path, live.key, kept)
    return live.facts(kept)


def remember(
    facts: HostFacts, stage1: str, environ: Mapping[str, str], *, path: str = HOST_FILE
) -> None:
    """Cache ``stage1`` with the other facts; the next ``host_facts`` returns it."""
    live = _live_facts(environ.get("PATH", ""))
    kept = _load(path, live.key) or _Kept(facts.systemd, facts.machined, facts.manager, "", 0)
    _save(path, live.key, kept.replace(stage1=stage1))


def find_nspawn(search: str) -> str:
    """Return the first executable ``systemd-nspawn`` in the ``:``-separated ``search``, or ""."""
    for directory in search.split(":"):
        candidate = f"{directory}/systemd-nspawn"
        if (
            directory.startswith("/")
            and os.access(candidate, os.X_OK)
            and os.path.isfile(candidate)
        ):
            return candidate
    return ""


def sd_booted() -> bool:
    """Return whether systemd is PID 1, as ``sd_booted(3)`` finds out."""
    try:
        return os.lstat("/run/systemd/system").st_mode & 0o170000 == 0o040000
    except OSError:
        return False


def bus_refuses(path: str = BUS_SOCKET) -> bool:
    """Return whether the system bus has a socket on which nobody listens: it was stopped.

    The attempt connects to nobody and activates nothing: its socket type is wrong on purpose. If
    somebody listens the kernel refuses the type first (EPROTOTYPE, ``unix_find_bsd``).
    """
    import _socket  # socket itself imports enum and selectors

    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    try:
        probe.connect(path)
    except OSError as error:
        return error.errno == errno.ECONNREFUSED
    finally:
        probe.close()
    return False


def capabilities() -> int:
    """Return the effective capability set of this process as a bit mask. Never cached."""
    for line in _text("/proc/self/status").splitlines():
        if line.startswith("CapEff:"):
            return int(line[7:], 16)
    return 0


class _Kept(Value):
    """The part of the facts that is cached."""

    systemd: int
    machined: bool
    manager: bool
    stage1: str
    retry_at: int  # CLOCK_BOOTTIME second from which the bus is asked again; 0: never

    def check(self) -> None:
        kinds = (int, bool, bool, str, int)
        if any(type(getattr(self, f)) is not k for f, k in zip(_Kept._fields_, kinds, strict=True)):
            raise TypeError("not what was written")


class _Live(Value):
    """The part of the facts that is read each time."""

    booted: bool
    cgroup_mode: str
    nspawn: str
    filesystems: str
    kernel: str
    key: str

    def facts(self, kept: _Kept) -> HostFacts:
        return HostFacts(
            booted=self.booted,
            cgroup_mode=self.cgroup_mode,
            nspawn=self.nspawn,
            systemd=kept.systemd,
            machined=kept.machined and self.booted,
            manager=kept.manager and self.booted,
            overlay="\toverlay\n" in self.filesystems,
            idmapped_mounts=_at_least(self.kernel, 5, 12),
            idmapped_layers=_at_least(self.kernel, 5, 19),
            stage1=kept.stage1,
        )


def _live_facts(search: str) -> _Live:
    booted = sd_booted()
    nspawn = find_nspawn(search)
    mode = mode_of_mountinfo(_text("/proc/self/mountinfo"))
    key = "|".join(
        (
            f"{_FORMAT} {VERSION}",
            _text("/proc/sys/kernel/random/boot_id").strip(),
            f"{booted} {mode}",
            f"{nspawn} {_mark(nspawn)}",
            *(_mark(binary) for binary in _SYSTEMD_BINARIES),
            *(_mark(file) for file in _MACHINED_MARKS),
        )
    )
    filesystems = _text("/proc/filesystems")
    return _Live(booted, mode, nspawn, filesystems, os.uname().release, key)


def _mark(path: str) -> str:
    """Return what changes when ``path`` is replaced. A mask is a symlink, so links count."""
    try:
        info = os.lstat(path) if path else None
    except OSError:
        info = None
    return f"{info.st_dev}:{info.st_ino}:{info.st_mtime_ns}" if info else "-"


def _load(path: str, key: str) -> _Kept | None:
    try:
        if not _trusted(path):
            return None
        content = parse(read_bytes(path, limit=_LIMIT), what=path)
        if not isinstance(content, dict) or content.get("key") != key:
            return None
        kept = _Kept(*(content[field] for field in _Kept._fields_))
    except (OSError, ValueError, KeyError, TypeError, RktError):
        return None
    return None if 0 < kept.retry_at <= _now() else kept


def _trusted(path: str) -> bool:
    """Whoever may write the file decides how root starts pods, so only root's own is trusted."""
    info = os.lstat(path)
    plain = info.st_mode & 0o170000 == 0o100000
    return plain and info.st_uid in (0, os.geteuid()) and not info.st_mode & 0o022


def _save(path: str, key: str, kept: _Kept) -> None:
    content = {"key": key} | {field: getattr(kept, field) for field in _Kept._fields_}
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        # Gone at the next boot anyway, so nothing is fsynced.
        write_atomic(path, compact(content).encode(), mode=0o644, durable=False)
    except OSError as error:
        _log.debug("cannot keep the facts about this host: %s", error)


def _probe(live: _Live, connect: Callable[[], Bus] | None) -> _Kept:
    answer = BusAnswer(machined=False, manager=False)
    if live.booted:
        from rktpy.systemd.manager import ask_bus

        answer = ask_bus(connect)
    retry_at = 0 if answer.final else _now() + RETRY_SECONDS
    # A masked machined may still run. It exits when idle, and then cannot be started again.
    machined = answer.machined and not any(map(_is_mask, _MACHINED_MARKS))
    return _Kept(systemd_version(live.nspawn), machined, answer.manager, "", retry_at)


def _is_mask(path: str) -> bool:
    try:
        return os.readlink(path) == os.devnull
    except OSError:
        return False


def systemd_version(nspawn: str) -> int:
    """Return the major version of the systemd that ``nspawn`` belongs to, 0 if it cannot be told.

    systemd's private library carries it in its name; only if several are installed, or none,
    is ``nspawn --version`` run.
    """
    if not nspawn:
        return 0
    base = nspawn.rpartition("/bin/")[0] + "/lib"
    names = {name for folder in _library_folders(base) for name in _names(folder)}
    found = {major_version(n[18:]) for n in names if n.startswith("libsystemd-shared-")}
    if len(found) == 1 and 0 not in found:
        return found.pop()
    from rktpy.host.process import CommandError, run

    try:
        words = run([nspawn, "--version"], timeout=10).decode("ascii", "replace").split(maxsplit=2)
    except CommandError as error:
        _log.debug("cannot tell the version of systemd: %s", error)
        return 0
    return major_version(words[1]) if len(words) > 1 and words[0] == "systemd" else 0


def major_version(text: str) -> int:
    """Return the number that a version begins with, however it is spelled; 0 if with none.

    ``252``, ``252.39-1~deb12u1``, ``257~rc3``, ``v258-12-gabcdef``.
    """
    return _leading_number(text.removeprefix("v"))


def _library_folders(base: str) -> list[str]:
    machine = os.uname().machine
    multiarch = [f"{base}/{name}/systemd" for name in _names(base) if name.startswith(machine)]
    return [f"{base}/systemd", f"{base}64/systemd", *multiarch]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _leading_number(text: str) -> int:
    digits = 0
    while digits < len(text) and text[digits] in "0123456789":
        digits += 1
    return int(text[:digits]) if 0 < digits < 6 else 0


def _at_least(release: str, major: int, minor: int) -> bool:
    parts = release.split(".")
    return len(parts) > 1 and (_leading_number(parts[0]), _leading_number(parts[1])) >= (
        major,
        minor,
    )


def _now() -> int:
    return int(time.clock_gettime(time.CLOCK_BOOTTIME))


def _text(path: str) -> str:
    try:
        return read_bytes(path).decode("utf-8", "surrogateescape")
    except (OSError, ValueError):
        return ""
