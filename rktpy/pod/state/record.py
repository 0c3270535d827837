"""What ``list`` and ``status`` show of a pod, read straight from its files.

Raw JSON on purpose: a thousand pods are listed in the time in which appc types check forty, and
a manifest that an older version wrote must still be shown. One descriptor of the pod's directory
is held while reading, so a rename in between changes nothing.
"""

from __future__ import annotations

import fcntl
import os

from rktpy import codec
from rktpy.errors import RktError
from rktpy.pod.lifecycle import PodGoneError
from rktpy.pod.phase import Phase, State, asks_lock, state_of
from rktpy.pod.texts import check_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rktpy.pod.lifecycle import Pod

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC
_LIMIT = 1 << 24
_RECENT_BYTES = 1 << 14
_RECENT_COUNT = 64
_FIRST_READ = 1 << 14

_NO_MANIFEST = (State.EMBRYO, State.PREPARING, State.ABORTED_PREPARE, State.DELETING)
_NO_TIMES = (State.EMBRYO, State.PREPARING, State.ABORTED_PREPARE)
_WITH_NETWORKS = (State.RUNNING, State.EXITED, State.EXITED_GARBAGE)
_NETWORK_KEYS = ("netName", "netConf", "pluginPath", "ifName", "ip", "args", "mask")
_IPV6 = "ip6"  # ours, where a pod has one beside its IPv4 address


class RecordError(RktError):
    """A file of a pod cannot be read or understood."""


class EmptyManifestError(RecordError):
    """The manifest had not reached the disk when the power failed."""

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f"the manifest of pod {uuid} is empty, as after a power cut",
            hint="collect it with: rktpy gc",
        )


class AppLine:
    """One app as ``list`` shows it. ``image_name`` is ``--`` if it cannot be told."""

    __slots__ = ("image_id", "image_name", "name")

    def __init__(self, name: str, image_name: str, image_id: str) -> None:
        self.name = name
        self.image_name = image_name
        self.image_id = image_id


class PodRecord:
    """One pod at one moment. Times are nanoseconds since 1970, 0 where not known.

    ``manifest`` is the pod manifest as parsed, unchecked; None where a pod in this state has none
    or ``problems`` says why, and without content where a power cut emptied the file. ``networks``
    have the keys of ``net-info.json``: rkt's, and ``ip6`` where it is there. ``marked`` is when
    ``gc`` or ``rm`` marked it.
    """

    __slots__ = (
        "apps",
        "created",
        "manifest",
        "marked",
        "networks",
        "phase",
        "problems",
        "started",
        "state",
        "uuid",
    )

    def __init__(self, uuid: str, phase: str, state: str) -> None:
        self.uuid = uuid
        self.phase = phase
        self.state = state
        self.created = 0
        self.started = 0
        self.marked = 0
        self.manifest: dict[str, Any] | None = None
        self.apps: list[AppLine] = []
        self.networks: list[dict[str, Any]] = []
        self.problems: list[RktError] = []


class Recently:
    """Pod manifests met before in this command, by their bytes.

    Many pods of a host come from few commands, and their manifests are equal to the byte:
    understanding each kind once makes listing a thousand pods a third faster.
    """

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: dict[bytes, tuple[dict[str, Any], list[AppLine]]] = {}

    def remember(self, data: bytes, manifest: dict[str, Any], apps: list[AppLine]) -> None:
        """Keep what ``data`` means; all who get it share it, so nobody may change it."""
        if len(data) <= _RECENT_BYTES:
            if len(self.known) >= _RECENT_COUNT:
                self.known.clear()
            self.known[data] = (manifest, apps)


def read_record(pod: Pod, recently: Recently | None = None) -> PodRecord:
    """Read everything ``list`` shows of ``pod``; what cannot be read is in ``problems``.

    Pass one ``recently`` along when reading many pods.

    Raises:
        PodGoneError: the pod vanished.
    """
    while True:
        try:
            fd = os.open(pod.path, _DIRECTORY)
            break
        except FileNotFoundError:
            pod.refresh()
    try:
        return _read(fd, pod, recently)
    except FileNotFoundError as error:
        raise PodGoneError(pod.uuid) from error
    finally:
        os.close(fd)


def read_json(name: str, dir_fd: int, what: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON in the file ``name`` of an open directory.

    Raises:
        OSError: it cannot be read.
        RktError: it is not JSON, or too large.
    """
    return codec.parse(_read_bytes(name, dir_fd, what), what=what)


def _read_bytes(name: str, dir_fd: int, what: str) -> bytes:
    fd = os.open(name, _FILE, dir_fd=dir_fd)
    try:
        data = os.read(fd, _FIRST_READ)
        if len(data) < _FIRST_READ:  # most manifests are a tenth of that
            return data
        chunks = [data]
        left = _LIMIT
        while chunk := os.read(fd, 1 << 20):
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0:
                raise RecordError(f"{what} is larger than {_LIMIT} bytes")
        return b"".join(chunks)
    finally:
        os.close(fd)


def _read(fd: int, pod: Pod, recently: Recently | None) -> PodRecord:
    phase = pod.phase
    record = PodRecord(pod.uuid, phase, state_of(phase, locked=asks_lock(phase) and _is_locked(fd)))
    state = record.state
    if state not in _NO_TIMES:
        record.created = _mtime("pod-created", fd) or _mtime("pod", fd)
    if phase != Phase.PREPARE and phase != Phase.PREPARED:
        record.started = _mtime("ppid", fd) or _mtime("pid", fd)
    if phase == Phase.EXITED_GARBAGE or phase == Phase.GARBAGE:
        record.marked = os.fstat(fd).st_ctime_ns
    if state not in _NO_MANIFEST:
        _read_manifest(fd, record, recently)
    if state in _WITH_NETWORKS:
        _read_networks(fd, record)
    if state == State.EXITED_DELETING:
        record.problems.clear()  # it is losing its files right now
    return record


def _is_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False  # the shared lock goes with the descriptor, some microseconds from now


def _mtime(name: str, fd: int) -> int:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False).st_mtime_ns
    except FileNotFoundError:
        return 0


def _read_manifest(fd: int, record: PodRecord, recently: Recently | None) -> None:
    try:
        data = _read_bytes("pod", fd, "pod manifest")
        if recently is not None and data in recently.known:
            record.manifest, record.apps = recently.known[data]
            return
        if not data:  # only a power cut does that; the pod is there, and has to be collected
            record.manifest = {}
            record.problems.append(EmptyManifestError(record.uuid))
            return
        manifest = codec.parse(data, what="pod manifest")
        if not isinstance(manifest, dict):
            raise RecordError("pod manifest is not a JSON object")
        record.apps, complete = _app_lines(manifest.get("apps") or (), fd, record)
    except (RktError, OSError, TypeError, KeyError, AttributeError, ValueError) as error:
        if os.fstat(fd).st_nlink == 0:
            raise PodGoneError(record.uuid) from error
        problem = RecordError(f"unable to read pod {record.uuid} manifest")
        problem.__cause__ = error
        record.problems.append(problem)
        return
    record.manifest = manifest
    if recently is not None and complete:
        recently.remember(data, manifest, record.apps)


def _app_lines(
    apps: Sequence[dict[str, Any]], fd: int, record: PodRecord
) -> tuple[list[AppLine], bool]:
    """Return the apps, and whether the pod manifest alone said it all."""
    lines = []
    complete = True
    for app in apps:
        image = app["image"]
        name = image.get("name")
        labels = image.get("labels")
        if not name or not labels:  # a manifest given by the user need not say it
            complete = False
            name, labels = _image_name(app["name"], fd, record)
        for label in labels:
            if label["name"] == "version":
                name = f"{name}:{label['value']}"
                break
        lines.append(AppLine(check_text(app["name"]), check_text(name), check_text(image["id"])))
    return lines, complete


def _image_name(app: str, fd: int, record: PodRecord) -> tuple[str, list[dict[str, str]]]:
    """Return name and labels from the pod's own copy of the image manifest."""
    try:
        manifest = read_json(f"appsinfo/{app}/manifest", fd, "image manifest")
        return check_text(manifest["name"]), manifest.get("labels") or []
    except (RktError, OSError, TypeError, KeyError, ValueError, AttributeError) as error:
        problem = RecordError(f"unable to read image manifest of app {app} of pod {record.uuid}")
        problem.__cause__ = error
        record.problems.append(problem)
        return "--", []


def _read_networks(fd: int, record: PodRecord) -> None:
    try:
        found = read_json("net-info.json", fd, "net-info.json")
        record.networks = [_network(net) for net in found or ()]
    except FileNotFoundError:
        return  # host networking
    except (RktError, OSError, TypeError, AttributeError) as error:
        problem = RecordError(f"unable to read networks of pod {record.uuid}")
        problem.__cause__ = error
        record.problems.append(problem)


def _network(entry: dict[str, Any]) -> dict[str, Any]:
    shown = {key: entry.get(key, "") for key in _NETWORK_KEYS}
    return shown | {_IPV6: other} if (other := entry.get(_IPV6)) else shown
