"""How far each app of a pod got: state, times, exit status, mounts (rkt: lib/app.go).

Statuses lie in ``rkt/status`` of stage1: in its overlay's upper directory, which is readable
without any mount, or in the copied tree of a pod without overlay.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.pod.phase import State, after_run
from rktpy.pod.state.appstatus import DIRECTORY, apps_with_files, status_file
from rktpy.pod.texts import check_text, read_number, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rktpy.pod.lifecycle import Pod
    from rktpy.pod.state.record import PodRecord

_MUTABLE = "coreos.com/rkt/stage1/mutable"
_READY = "ready"
_OOM = ".oom"  # after the name of an app: no app can have such a name


class AppState:
    """Words for how far an app got."""

    UNKNOWN = "unknown"
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


class AppRecord:
    """One app in full. Times are nanoseconds since 1970; None is "not known"."""

    __slots__ = (
        "created",
        "exit_code",
        "finished",
        "image_id",
        "isolators",
        "mounts",
        "name",
        "oom_killed",
        "started",
        "state",
        "user_annotations",
        "user_labels",
    )

    def __init__(self, name: str, image_id: str) -> None:
        self.name = name
        self.image_id = image_id
        self.state = AppState.UNKNOWN
        self.created: int | None = None
        self.started: int | None = None
        self.finished: int | None = None
        self.exit_code: int | None = None
        self.oom_killed = False
        self.mounts: list[dict[str, Any]] = []
        self.isolators: list[dict[str, Any]] = []  # filled by who shows them (pod.state.enforced)
        self.user_annotations: dict[str, str] = {}
        self.user_labels: dict[str, str] = {}


class StatusError(RktError):
    """What the pod manifest or a status file says about an app cannot be understood."""


def stage1_state_dir(pod: Pod) -> str:
    """Return the directory that stands for stage1's root when looking from outside."""
    if os.path.lexists(f"{pod.path}/overlay-prepared"):
        tree_id = read_text(f"{pod.path}/stage1TreeStoreID")
        return f"{pod.path}/overlay/{tree_id}/upper"
    return f"{pod.path}/stage1/rootfs"


def is_ready(pod: Pod) -> bool:
    """Return whether the pod's units are up: stage1 made its readiness link."""
    try:
        target = os.readlink(f"{stage1_state_dir(pod)}/rkt/supervisor-status")
    except OSError:
        return False
    return os.path.basename(target) == _READY  # rkt's is the bare word, ours a socket's path


def exit_codes(pod: Pod) -> dict[str, int]:
    """Return the exit status of every app that has one, by app name, sorted."""
    base = stage1_state_dir(pod)
    codes: dict[str, int] = {}
    for name in sorted(apps_with_files(base)):
        code = read_number(status_file(base, name))
        if code is not None:
            codes[name] = code
    return codes


def short_of_memory(pod: Pod) -> list[str]:
    """Return the apps of which the kernel killed something for want of memory, sorted."""
    try:
        names = os.listdir(f"{stage1_state_dir(pod)}/{DIRECTORY}")
    except OSError:
        return []
    return sorted(name.removesuffix(_OOM) for name in names if name.endswith(_OOM))


def read_apps(pod: Pod, record: PodRecord) -> list[AppRecord]:
    """Return the apps of ``record``'s manifest with their states.

    Raises:
        StatusError: the manifest is not a pod manifest.
    """
    manifest = record.manifest or {}
    try:
        mutable = any(
            note["name"] == _MUTABLE and note["value"] == "true"
            for note in manifest.get("annotations") or ()
        )
        volumes = {volume["name"]: volume for volume in manifest.get("volumes") or ()}
        apps = [_app(app, volumes) for app in manifest.get("apps") or ()]
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise StatusError(f"unable to read pod {record.uuid} manifest") from error
    base = stage1_state_dir(pod) if apps else ""
    for app in apps:
        (_from_marks if mutable else _from_pod)(app, record, base)
    return apps


def _app(app: dict[str, Any], volumes: dict[str, Any]) -> AppRecord:
    found = AppRecord(check_text(app["name"]), check_text(app["image"]["id"]))
    inner = app.get("app") or {}
    found.user_annotations = inner.get("userAnnotations") or {}
    found.user_labels = inner.get("userLabels") or {}
    for mount in app.get("mounts") or ():
        volume = mount.get("appVolume") or volumes.get(mount["volume"]) or {}
        found.mounts.append(
            {
                "name": mount["volume"],
                "container_path": mount["path"],
                "host_path": volume.get("source", ""),
                "read_only": bool(volume.get("readOnly")),
            }
        )
    return found


def _from_pod(app: AppRecord, record: PodRecord, base: str) -> None:
    """The pod's apps never change, so most follows from the pod."""
    if record.state == State.PREPARED:
        app.state = AppState.CREATED
    elif record.state == State.RUNNING:
        app.state = AppState.RUNNING
    elif after_run(record.state):
        app.state = AppState.EXITED
    app.created = record.created or None
    app.started = record.started or None
    path = status_file(base, app.name)
    app.exit_code = read_number(path)
    # Of an app that was killed hard nothing is written; rkt knows of all only the mark.
    app.finished = _mtime(path) or record.marked or None
    if app.exit_code is not None:
        app.state = AppState.EXITED
        app.oom_killed = os.path.lexists(f"{base}/{DIRECTORY}/{app.name}{_OOM}")


def _from_marks(app: AppRecord, record: PodRecord, base: str) -> None:
    """Apps come and go; each step of one leaves a file whose mtime is the moment."""
    directory = f"{base}/{DIRECTORY}"
    app.created = _mtime(f"{directory}/{app.name}-created")
    if app.created is not None:
        app.state = AppState.CREATED
        app.started = _mtime(f"{directory}/{app.name}-started")
    if app.started is not None:
        app.state = AppState.RUNNING
        app.finished = _mtime(f"{directory}/{app.name}")
    if app.finished is not None:
        app.state = AppState.EXITED
        app.exit_code = read_number(f"{directory}/{app.name}")
    elif after_run(record.state):  # killed hard: nothing wrote a status
        app.state = AppState.EXITED
        app.finished = record.marked or None


def _mtime(path: str) -> int | None:
    try:
        return os.lstat(path).st_mtime_ns
    except (OSError, ValueError):
        return None
