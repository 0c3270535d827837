"""The configuration of an image of layers → our image manifest (docker2aci). Pure."""

from __future__ import annotations

import posixpath
import re

from rktpy.appc import arch
from rktpy.appc.app import App, MountPoint, Port
from rktpy.appc.errors import AppcError
from rktpy.appc.fields import FrozenMap
from rktpy.appc.image import ImageManifest
from rktpy.appc.types import (
    ACIdentifier,
    ACName,
    Annotation,
    EnvironmentVariable,
    Label,
)
from rktpy.appc.wellknown import check_annotation
from rktpy.codec import compact, quote
from rktpy.image.layered.documents import LayeredImageError, parse_object, text_of
from rktpy.log import Logger
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.image.layered.documents import Descriptor

AC_VERSION = "0.8.11"
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([a-z]+))?")
_OCI = "org.opencontainers.image."
_logger = Logger("image")


class Identity(Value):
    """What an image is called and where it comes from; all go into its manifest.

    ``original`` is what was typed, ``version`` the tag, ``registry`` empty for files; digests are
    ``sha256:…``. ``annotations`` are those of its OCI manifest.
    """

    name: str
    version: str
    original: str
    repository: str
    registry: str
    config_digest: str
    manifest_digest: str
    annotations: tuple[tuple[str, str], ...] = ()


class Content(Value):
    """An image that was found: its configuration, its layers, and what it is called."""

    config: bytes
    layers: tuple[Descriptor, ...]
    identity: Identity


class Config(Value):
    """A configuration as JSON has it, and the digests of its layers, the base first."""

    fields: FrozenMap
    diff_ids: tuple[str, ...]


def parse_config(content: bytes) -> Config:
    """Return what an image's configuration says.

    Raises:
        LayeredImageError: it is none.
    """
    fields = parse_object(content, "the image configuration")
    rootfs = fields.get("rootfs")
    if not isinstance(rootfs, dict) or rootfs.get("type") != "layers":
        raise LayeredImageError("the image configuration does not list its layers")
    diff_ids = rootfs.get("diff_ids")
    if not isinstance(diff_ids, list) or not all(isinstance(one, str) for one in diff_ids):
        raise LayeredImageError("the image configuration does not list its layers")
    return Config(FrozenMap(fields), tuple(diff_ids))


def convert(config: Config, identity: Identity) -> ImageManifest:
    """Return the manifest of the image.

    Raises:
        LayeredImageError: something in the configuration has no place in a manifest.
    """
    try:
        return ImageManifest(
            ACIdentifier.sanitise(identity.name),
            AC_VERSION,
            _labels(config.fields, identity),
            _app(_table(config.fields, "config")),
            _annotations(config.fields, identity),
        )
    except AppcError as error:
        raise LayeredImageError("the image configuration cannot be converted") from error


def _labels(fields: Mapping[str, object], identity: Identity) -> tuple[Label, ...]:
    os_name, machine = arch.from_go(
        _text(fields, "os"), _text(fields, "architecture"), _text(fields, "variant")
    )
    pairs = {"version": identity.version, "os": os_name, "arch": machine}
    return tuple(Label(ACIdentifier(name), value) for name, value in pairs.items() if value)


def _app(config: Mapping[str, object]) -> App:
    user, colon, group = (_text(config, "User") or "0").partition(":")
    directory = _text(config, "WorkingDir")
    if directory:
        directory = posixpath.normpath("/" + directory.lstrip("/"))
    labels = {key: value for key, value in _table(config, "Labels").items() if _is_text(value)}
    return App(
        (*_texts(config, "Entrypoint"), *_texts(config, "Cmd")),
        user or "0",
        group if colon and group else user or "0",
        working_directory=directory,
        environment=_environment(_texts(config, "Env")),
        mount_points=_mount_points(sorted(_table(config, "Volumes"))),
        ports=_ports(_table(config, "ExposedPorts")),
        user_labels=FrozenMap(labels),
    )


def _environment(lines: tuple[str, ...]) -> tuple[EnvironmentVariable, ...]:
    found: dict[str, EnvironmentVariable] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals:
            continue
        try:
            found[name] = EnvironmentVariable(name, value)
        except AppcError as error:
            _logger.warning("leaving out a variable of the image: %s", error.message)
    return tuple(found.values())


def _mount_points(paths: list[str]) -> tuple[MountPoint, ...]:
    found: dict[str, MountPoint] = {}
    numbers: dict[str, int] = {}  # the last one that each name got
    for path in paths:
        clean = posixpath.normpath("/" + path.lstrip("/"))
        if clean == "/":
            continue
        base = ACName.sanitise("volume" + clean)
        name = base
        while name in found:
            numbers[base] = numbers.get(base, 0) + 1
            name = ACName(f"{base}-{numbers[base]}")
        found[name] = MountPoint(name, clean)
    return tuple(found[name] for name in sorted(found))


def _ports(table: Mapping[str, object]) -> tuple[Port, ...]:
    found = []
    for text in sorted(table):
        match = _PORTS.fullmatch(text)
        if match is None:
            raise AppcError(f"error parsing port {quote(text)}")
        first, last = int(match[1]), int(match[2] or match[1])
        name = ACName.sanitise(text.replace("/", "-"))
        found.append(Port(name, match[3] or "tcp", first, last - first + 1))
    return tuple(sorted(found, key=lambda port: port.name))


def _annotations(fields: Mapping[str, object], identity: Identity) -> tuple[Annotation, ...]:
    config = _table(fields, "config")
    given = dict(identity.annotations)
    found = {
        "created": _text(fields, "created") or given.get(_OCI + "created", ""),
        "authors": _text(fields, "author") or given.get(_OCI + "authors", ""),
        "homepage": given.get(_OCI + "url", ""),
        "documentation": given.get(_OCI + "documentation", ""),
        "appc.io/docker/originalname": identity.original,
        "appc.io/docker/registryurl": identity.registry,
        "appc.io/docker/repository": identity.repository,
        "appc.io/docker/imageid": identity.config_digest,
        "appc.io/docker/manifesthash": identity.manifest_digest,
        "rktpy/docker/stop-signal": _text(config, "StopSignal"),
    }
    for name in ("Entrypoint", "Cmd"):
        words = _texts(config, name)
        found[f"appc.io/docker/{name.lower()}"] = compact(list(words)) if words else ""
    health = _table(config, "Healthcheck")
    found["rktpy/docker/health-check"] = compact(health) if health else ""
    return tuple(
        Annotation(ACIdentifier(name), value)
        for name, value in found.items()
        if value and _well_formed(name, value)
    )


def _well_formed(name: str, value: str) -> bool:
    if name not in ("created", "homepage", "documentation"):
        return True
    try:
        check_annotation(name, value)
    except AppcError:
        return False
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _text(fields: Mapping[str, object], key: str) -> str:
    return text_of(fields, key, "the image configuration")


def _texts(fields: Mapping[str, object], key: str) -> tuple[str, ...]:
    found = fields.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise LayeredImageError(f"{key} of the image configuration is not a list of strings")
    return tuple(found)


def _table(fields: Mapping[str, object], key: str) -> dict[str, object]:
    found = fields.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise LayeredImageError(f"{key} of the image configuration is not an object")
    return found
