"""Images and what the command line says about them -> the manifest of a pod. Pure.

Or the other way in: a pod manifest somebody wrote, completed from the images it names
(rkt: stage0/run.go).
"""

from __future__ import annotations

from rktpy.appc.app import App
from rktpy.appc.arch import check_runnable
from rktpy.appc.errors import AppcError
from rktpy.appc.fields import FrozenMap
from rktpy.appc.names import app_name
from rktpy.appc.pod import PodManifest, RuntimeApp, RuntimeImage
from rktpy.appc.types import ACIdentifier, ACName, Annotation, EnvironmentVariable, ImageID
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host import files
from rktpy.pod.app.environment import NO_SOURCES, Sources
from rktpy.pod.app.overrides import override_isolators
from rktpy.pod.app.streams import STREAM_ANNOTATION
from rktpy.pod.before.ports import map_ports
from rktpy.pod.naming import NAME_ANNOTATION, check_name
from rktpy.pod.volume.resolve import merge_mounts
from rktpy.value import Value
from rktpy.version import APPC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rktpy.appc.image import ImageManifest
    from rktpy.appc.pod import ExposedPort, Mount, Volume
    from rktpy.pod.app.overrides import AppSpec

MUTABLE_ANNOTATION = "coreos.com/rkt/stage1/mutable"
MAX_MANIFEST = 16 << 20  # bytes of a --pod-manifest file


class ComposeError(RktError):
    """No pod can be made of these images and options."""


class PodImage(Value):
    """An image in the store, and the app that is to be made from it."""

    spec: AppSpec
    key: str
    manifest: ImageManifest


class PodOptions(Value):
    """What the command line says about the pod as a whole. ``mounts`` are for every app."""

    volumes: tuple[Volume, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[ExposedPort, ...] = ()
    environment: Sources = NO_SOURCES
    mutable: bool = False


class FoundImage(Value):
    """The stored image of one app of a pod manifest."""

    app: str
    key: str
    manifest: ImageManifest


def compose(images: Sequence[PodImage], options: PodOptions, *, uid: int, gid: int) -> PodManifest:
    """Return the manifest of a pod of ``images``, in their order.

    ``uid`` and ``gid`` are the caller's: who runs an image that has no app section.

    Raises:
        ComposeError: and errors of the values in it (``AppcError``, ``OverrideError``,
            ``PortError``), with rkt's texts.
    """
    apps: list[RuntimeApp] = []
    for image in images:
        runtime = _runtime_app(image, options, uid, gid)
        if any(runtime.name == other.name for other in apps):
            raise ComposeError(
                f"error: multiple apps with name {runtime.name}",
                hint="give one of them another name with --name",
            )
        apps.append(runtime)
    mutable = Annotation(ACIdentifier(MUTABLE_ANNOTATION), str(options.mutable).lower())
    manifest = PodManifest(
        ac_version=APPC_VERSION,
        apps=tuple(apps),
        volumes=options.volumes,
        annotations=(mutable,),
        ports=options.ports,
    )
    map_ports(manifest)
    return manifest


def read_pod_manifest(path: str) -> PodManifest:
    """Return the pod manifest in the file ``path`` (``--pod-manifest``).

    Raises:
        ComposeError: it cannot be read; the cause says why.
        AppcError: it is none.
    """
    try:
        data = files.read_bytes(path, limit=MAX_MANIFEST)
    except (OSError, ValueError) as error:
        raise ComposeError(f"cannot read pod manifest {quote(path)}") from error
    return PodManifest.from_json(data)


def complete(
    manifest: PodManifest, find: Callable[[str], tuple[str, ImageManifest]]
) -> tuple[PodManifest, tuple[FoundImage, ...]]:
    """Return ``manifest`` with an app section in every app, and the image of each app.

    ``find`` returns key and manifest of a stored image from its ID; it fetches nothing.

    Raises:
        ComposeError: an app names no image, or neither it nor its image says what to run.
    """
    apps: list[RuntimeApp] = []
    images: list[FoundImage] = []
    for runtime in manifest.apps:
        if any(runtime.name == image.app for image in images):
            raise ComposeError(f"multiple apps with same name {runtime.name}")
        if runtime.image.id is None:
            raise ComposeError(f"no image ID for app {quote(runtime.name)}")
        key, image = find(str(runtime.image.id))
        check_runnable(image.labels)
        app = runtime.app or image.app
        if app is None:
            raise ComposeError("no app section in the pod manifest or the image manifest")
        apps.append(runtime.replace(app=app))
        images.append(FoundImage(runtime.name, key, image))
    completed = manifest.replace(apps=tuple(apps))
    map_ports(completed)
    return completed, tuple(images)


def christen(manifest: PodManifest, name: str, labels: Sequence[tuple[str, str]]) -> PodManifest:
    """Return ``manifest`` with the pod's name, unless that is empty, and more user labels.

    Raises:
        PodNameError: the name, given here or by the manifest, cannot be one.
        ComposeError: a label has no key.
    """
    if any(not key for key, _ in labels):
        raise ComposeError("a pod label needs a key", hint="write --pod-label=KEY=VALUE")
    notes = manifest.annotations
    if name:
        kept = [note for note in notes if note.name != NAME_ANNOTATION]
        notes = (*kept, Annotation(ACIdentifier(NAME_ANNOTATION), name))
    labelled = FrozenMap({**manifest.user_labels, **dict(labels)})
    manifest = manifest.replace(annotations=notes, user_labels=labelled)
    name = manifest.annotation(NAME_ANNOTATION) or ""
    if name:
        check_name(name)
    return manifest


def require_apps(manifest: PodManifest) -> None:
    """Refuse to start a pod with nothing in it.

    Raises:
        ComposeError: there is no app.
    """
    if not manifest.apps:
        raise ComposeError("pod must contain at least one application")


def _runtime_app(image: PodImage, options: PodOptions, uid: int, gid: int) -> RuntimeApp:
    spec, manifest = image.spec, image.manifest
    name = _app_name(spec, manifest)
    check_runnable(manifest.labels)
    own = manifest.app
    if own is None:
        if not spec.exec:
            raise ComposeError(
                f"error: image {image.key} has no app section and --exec argument is not provided"
            )
        own = App(exec=(), user=str(uid), group=str(gid))
    return RuntimeApp(
        name=name,
        image=RuntimeImage(id=ImageID.parse(image.key), name=manifest.name, labels=manifest.labels),
        app=_overridden(own, spec, options.environment),
        read_only_rootfs=spec.read_only_rootfs,
        mounts=merge_mounts(spec.mounts, options.mounts),
        annotations=_annotations(spec),
    )


def _app_name(spec: AppSpec, manifest: ImageManifest) -> ACName:
    if not spec.name:
        return app_name(manifest.name)
    try:
        return ACName(spec.name)
    except AppcError as error:
        raise ComposeError("invalid app name format") from error


def _overridden(app: App, spec: AppSpec, sources: Sources) -> App:
    """Return ``app`` with everything ``spec`` says and the pod's variables."""
    command = (spec.exec,) if spec.exec else app.exec
    gids = spec.supplementary_gids
    return app.replace(
        exec=(*command, *spec.args),
        user=spec.user or app.user,
        group=spec.group or app.group,
        supplementary_gids=app.supplementary_gids if gids is None else gids,
        working_directory=spec.working_directory or app.working_directory,
        environment=_environment(app, spec, sources),
        isolators=override_isolators(app.isolators, spec.isolators),
        user_annotations=FrozenMap({**app.user_annotations, **dict(spec.user_annotations)}),
        user_labels=FrozenMap({**app.user_labels, **dict(spec.user_labels)}),
    )


def _environment(app: App, spec: AppSpec, sources: Sources) -> tuple[EnvironmentVariable, ...]:
    if not (spec.environment or sources):
        return app.environment
    own = {variable.name: variable.value for variable in app.environment}
    own.update(spec.environment)
    return tuple(EnvironmentVariable(name, value) for name, value in sources.apply(own).items())


def _annotations(spec: AppSpec) -> tuple[Annotation, ...]:
    streams = {"stdin": spec.stdin, "stdout": spec.stdout, "stderr": spec.stderr}
    found = dict(spec.annotations)
    found.update({STREAM_ANNOTATION + name: mode for name, mode in streams.items() if mode})
    return tuple(Annotation(ACIdentifier(name), value) for name, value in found.items())
