"""``rktpy export``: an app of a pod that has ended, with all it changed, as an image file."""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host.archive.sink import Sink
from rktpy.host.archive.writer import TarWriter
from rktpy.host.files import NewFile, read_bytes
from rktpy.host.helper import DAC_READ_SEARCH, Answer, Helper, confine
from rktpy.host.mount import mounted_below
from rktpy.pod.after.ended import EndedRoot
from rktpy.pod.choice import choose_app
from rktpy.pod.phase import State
from rktpy.value import Value
from rktpy.verbs.lookup import retrieve_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.verbs.site import Site

_EXTENSION = ".aci"
_MANIFEST_LIMIT = 16 << 20


class ExportRequest(Value):
    """``uuid`` as typed, ``app`` empty if not given."""

    uuid: str
    path: str
    app: str = ""
    overwrite: bool = False


class ExportError(RktError):
    """The pod or the output is not one that can be exported."""


class FileThereError(ExportError):
    """The output is there already."""

    def __init__(self) -> None:
        super().__init__("error building aci: target file exists (try --overwrite)")


def export_app(site: Site, request: ExportRequest) -> tuple[str, ...]:
    """Write the image file, whole or not at all; return warnings about what it lacks.

    Equal trees give equal files. The pod cannot be deleted while it is read.

    Raises:
        RktError: as rkt says it (rkt: rkt/export.go).
    """
    if not request.path.endswith(_EXTENSION):
        raise ExportError(f"extension must be {_EXTENSION} (given {request.path})")
    pod = retrieve_pod(site, request.uuid)
    if pod.state() not in (State.EXITED, State.EXITED_GARBAGE):
        raise ExportError("pod is not exited. Only exited pods can be exported")
    try:
        app = choose_app(pod, request.app, command="export", advice="rkt export --app= ...")
    except RktError as error:
        raise RktError("unable to find app", hint=error.hint) from error
    if mounted_below(pod.tree.app_rootfs(app)):
        raise ExportError(
            "pod has remaining mountpoints."
            " Only pods using overlayfs or with no mountpoints can be exported"
        )
    if os.path.lexists(request.path) and not request.overwrite:
        raise FileThereError
    try:
        with EndedRoot(pod, app) as root:
            return _write(root, _manifest(root, app), request)
    except OSError as error:
        raise ExportError("error building aci") from error


def _write(root: EndedRoot, manifest: tuple[bytes, int], request: ExportRequest) -> tuple[str, ...]:
    with NewFile(request.path) as output:

        def work() -> Answer:
            sink = Sink(output.fd, gzip=True)
            writer = TarWriter(sink.put)
            root.take()
            confine(DAC_READ_SEARCH)
            writer.document(b"manifest", *manifest)
            writer.tree(os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), b"rootfs")
            writer.finish()
            sink.finish()
            return Answer(tuple(writer.warnings))

        warnings = Helper(work).wait().warnings
        try:
            output.commit(replace=request.overwrite)
        except FileExistsError:
            raise FileThereError from None  # made while we wrote
    return warnings


def _manifest(root: EndedRoot, app: str) -> tuple[bytes, int]:
    """Return the manifest of the exported image, and its time.

    The tree is whole, so the image depends on nothing any more, and a whitelist of paths from
    before the app ran would hide what it wrote.
    """
    from rktpy.appc.image import ImageManifest
    from rktpy.codec import compact

    path = root.tree.app_manifest(app)
    try:
        image = ImageManifest.from_json(read_bytes(path, limit=_MANIFEST_LIMIT))
        whole = image.replace(dependencies=(), path_whitelist=())
        return compact(whole.to_object()).encode(), os.stat(path).st_mtime_ns
    except (OSError, ValueError) as error:
        raise ExportError(f"cannot read the image manifest of app {app}") from error
