"""What can be seen of a pod right now, for ``pod.events.story``."""

from __future__ import annotations

import fcntl
import os
import time

from rktpy.errors import RktError
from rktpy.pod.events.story import AppEnd, Facts, Sight
from rktpy.pod.lifecycle import PodGoneError
from rktpy.pod.naming import name_in
from rktpy.pod.phase import Phase, asks_lock
from rktpy.pod.state.appstate import stage1_state_dir
from rktpy.pod.state.appstatus import DIRECTORY, status_file
from rktpy.pod.state.record import read_json
from rktpy.pod.texts import check_text, read_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.pod.lifecycle import Pod

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_STARTED = (Phase.EMBRYO, Phase.PREPARE, Phase.PREPARED, Phase.GARBAGE)
_BY_RENAME = (Phase.PREPARED, Phase.EXITED_GARBAGE, Phase.GARBAGE)  # it set the change time


def open_dir(pod: Pod) -> int | None:
    """Return a descriptor of the pod's directory, which the caller closes; None if it is gone.

    Raises:
        PermissionError: the caller may not read pods.
    """
    while True:
        try:
            pod.refresh()
            return os.open(pod.path, _DIRECTORY)
        except FileNotFoundError:
            continue  # it moved between the two
        except PodGoneError:
            return None


def see(pod: Pod, fd: int, before: Sequence[str], facts: Facts | None) -> Sight | None:
    """Return the pod with the open directory ``fd`` as it is now; None if it is gone.

    ``before`` are the phases it was seen to pass. ``facts`` are those known already; they never
    change, and are in the result only if they are new. Nothing is opened twice on purpose: every
    close of a pod's directory is news to who watches it.
    """
    passed = list(before)
    while True:
        try:
            pod.refresh()
        except PodGoneError:
            return None
        if pod.phase not in passed[-1:]:
            passed.append(pod.phase)
        sight = _read(pod, fd, tuple(passed), facts)
        try:
            if os.path.samestat(os.fstat(fd), os.lstat(pod.path)):
                return sight
        except FileNotFoundError:
            continue  # moved while we looked, so nothing of it is certain


def is_held(fd: int) -> bool:
    """Return whether somebody else holds the directory ``fd`` exclusively; never waits."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


def _read(pod: Pod, fd: int, passed: tuple[str, ...], facts: Facts | None) -> Sight:
    phase = pod.phase
    # The lock before everything else: once it is free nobody writes any more.
    locked = asks_lock(phase) and is_held(fd)
    now = time.time_ns()
    new = None
    if facts is None and phase != Phase.PREPARE:
        new = _facts(fd)
    started = ready = 0
    apps: tuple[AppEnd, ...] = ()
    if phase not in _NOT_STARTED:
        started = min(_mtime("ppid", fd) or _mtime("pid", fd), now)
    if started:
        base = stage1_state_dir(pod)
        ready = _ready_at(f"{base}/rkt", now)
        apps = tuple(_end(base, name, now) for name in (new or facts or Facts()).apps)
    return Sight(
        now=now,
        phases=passed,
        locked=locked,
        facts=new,
        created=_mtime("pod-created", fd),
        changed=os.fstat(fd).st_ctime_ns if phase in _BY_RENAME else 0,
        started=started,
        ready=ready,
        ended=max((end.at for end in apps), default=0),
        apps=apps,
    )


def _ready_at(directory: str, now: int) -> int:
    """Return when stage1 made its readiness link, 0 if it has not."""
    link = f"{directory}/supervisor-status"
    try:
        if os.path.basename(os.readlink(link)) != "ready":  # rkt's is the bare word, ours a path
            return 0
        return min(os.lstat(link).st_mtime_ns, now)
    except OSError:
        return 0


def _end(base: str, app: str, now: int) -> AppEnd:
    """Return how an app ended, by the files that the pod wrote; its clock may be ahead of ours."""
    path = status_file(base, app)
    try:
        at = min(os.lstat(path).st_mtime_ns, now)
    except (OSError, ValueError):
        return AppEnd(app)
    status = read_number(path)
    if status is None:
        return AppEnd(app, at=at)  # somebody is just writing it
    return AppEnd(app, status, at, oom_killed=os.path.lexists(f"{base}/{DIRECTORY}/{app}.oom"))


def _facts(fd: int) -> Facts | None:
    """Return what the manifest says; None if nothing sensible."""
    try:
        manifest = read_json("pod", fd, "pod manifest")
        labels = manifest.get("userLabels") or {}
        return Facts(
            name=name_in(manifest),
            labels=tuple(sorted((check_text(k), check_text(v)) for k, v in labels.items())),
            apps=tuple(check_text(app["name"]) for app in manifest.get("apps") or ()),
        )
    except (RktError, OSError, TypeError, KeyError, AttributeError, ValueError):
        return None


def _mtime(name: str, fd: int) -> int:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0
