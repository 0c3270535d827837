"""The pod manifest: which images run together, with which volumes and ports."""

from __future__ import annotations

from rktpy import codec
from rktpy.appc.app import App, Port
from rktpy.appc.arch import check_labels, read_labels
from rktpy.appc.errors import AppcError
from rktpy.appc.fields import (
    NOTHING,
    POD_KIND,
    FrozenMap,
    Keys,
    check_kind,
    flag,
    items,
    natural,
    put_list,
    put_table,
    read_document,
    table,
    text,
    texts,
)
from rktpy.appc.hostip import is_network, packed
from rktpy.appc.isolator import Isolator, read_isolators
from rktpy.appc.types import (
    ACIdentifier,
    ACName,
    Annotation,
    ImageID,
    Label,
    check_annotations,
    check_name,
    check_version,
    find,
    read_annotations,
    refuse_duplicates,
)
from rktpy.appc.volume import Mount as Mount
from rktpy.appc.volume import Volume as Volume
from rktpy.value import Value

_POD = Keys(
    "acKind", "acVersion", "apps", "volumes", "isolators", "annotations", "ports",
    "userAnnotations", "userLabels",
)  # fmt: skip
_APP = Keys("name", "image", "app", "readOnlyRootFS", "mounts", "annotations")
_IMAGE = Keys("name", "id", "labels")
_EXPOSED = Keys("name", "hostPort", "hostIP", "podPort", "sources")


class RuntimeImage(Value):
    """Which image an app runs; ``id`` is None only in a template."""

    id: ImageID | None
    name: str | None = None
    labels: tuple[Label, ...] = ()
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        if self.name is not None:
            check_name(self.name, ACIdentifier)
        check_labels(self.labels)

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> RuntimeImage:
        """Return the reference a JSON object describes."""
        fields, unknown = _IMAGE.read(value, "image")
        digest = fields.get("id")
        name = fields.get("name")
        return cls(
            None if digest is None else ImageID.parse(text(fields, "id")),
            None if name is None else ACIdentifier.read(fields, "name"),
            read_labels(fields, lenient=lenient),
            unknown,
        )

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this reference."""
        found: dict[str, object] = {}
        if self.name is not None:
            found["name"] = self.name
        if self.id is not None:
            found["id"] = str(self.id)
        put_list(found, "labels", self.labels, lambda v: v.to_object(keep_unknown=keep_unknown))
        return found | self.unknown if keep_unknown else found


class RuntimeApp(Value):
    """One app of a pod; ``app`` replaces the image's own section as a whole."""

    name: str
    image: RuntimeImage
    app: App | None = None
    read_only_rootfs: bool = False
    mounts: tuple[Mount, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        check_name(self.name, ACName)
        check_annotations(self.annotations)

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> RuntimeApp:
        """Return the app a JSON object describes."""
        fields, unknown = _APP.read(value, "app")
        inner = fields.get("app")
        return cls(
            ACName.read(fields, "name", lenient=lenient),
            RuntimeImage.from_object(fields.get("image"), lenient=lenient),
            None if inner is None else App.from_object(inner, lenient=lenient),
            flag(fields, "readOnlyRootFS") or False,
            items(fields, "mounts", lambda v: Mount.from_object(v, lenient=lenient)),
            read_annotations(fields, "annotations", lenient=lenient),
            unknown,
        )

    def annotation(self, name: str) -> str | None:
        """Return the value of the annotation ``name``."""
        return find(self.annotations, name)

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this app."""

        def write(part: Mount | Annotation) -> dict[str, object]:
            return part.to_object(keep_unknown=keep_unknown)

        found: dict[str, object] = {
            "name": self.name,
            "image": self.image.to_object(keep_unknown=keep_unknown),
        }
        if self.app is not None:
            found["app"] = self.app.to_object(keep_unknown=keep_unknown)
        if self.read_only_rootfs:
            found["readOnlyRootFS"] = True
        put_list(found, "mounts", self.mounts, write)
        put_list(found, "annotations", self.annotations, write)
        return found | self.unknown if keep_unknown else found


class ExposedPort(Value):
    """A port of the host that leads to a port of an app; ``host_ip`` empty is every address.

    ``sources`` are the networks that may ask, none means everybody; the key is ours, readers that
    do not know it pass over it.
    """

    name: str
    host_port: int
    host_ip: str = ""
    pod_port: Port | None = None
    sources: tuple[str, ...] = ()
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        check_name(self.name, ACName)
        if not 1 <= self.host_port <= 65535:
            raise AppcError("hostPort must be in 1-65535 range")
        if self.host_ip and packed(self.host_ip) is None:
            raise AppcError(f"invalid IP address: {self.host_ip}")
        for source in self.sources:
            if not is_network(source):
                raise AppcError(f"{codec.quote(source)} is not a valid network")

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> ExposedPort:
        """Return the exposed port a JSON object describes."""
        fields, unknown = _EXPOSED.read(value, "port")
        inner = fields.get("podPort")
        return cls(
            ACName.read(fields, "name", lenient=lenient),
            natural(fields, "hostPort") or 0,
            text(fields, "hostIP"),
            None if inner is None else Port.from_object(inner, lenient=lenient),
            texts(fields, "sources"),
            unknown,
        )

    @classmethod
    def parse(cls, text: str) -> ExposedPort:
        """Return the port of the command line's ``NAME:[HOSTIP:]HOSTPORT[,from=NETWORK]…``.

        An IPv6 address may stand in brackets.

        Raises:
            AppcError: another shape, a bad name, address, number or network.
        """
        from rktpy.appc.forms import parse_port_number

        place, *options = text.split(",")
        name, colon, rest = place.partition(":")
        address, inner, number = rest.rpartition(":")
        if not colon:
            raise AppcError(f"{codec.quote(text)} is not in name:[ip:]port format")
        try:
            valid = ACName(name)
        except AppcError as error:
            raise AppcError(f"{codec.quote(name)} is not a valid port name") from error
        if inner and packed(address.strip("[]")) is None:
            raise AppcError(f"{codec.quote(address)} is not a valid IP")
        sources = tuple(_source(option) for option in options)
        try:
            host_port = parse_port_number(number)
            return cls(valid, host_port, address.strip("[]"), sources=sources)
        except AppcError as error:
            raise AppcError(f"{codec.quote(number)} is not a valid port number") from error

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this exposed port."""
        found: dict[str, object] = {"name": self.name, "hostPort": self.host_port}
        if self.host_ip:
            found["hostIP"] = self.host_ip
        if self.pod_port is not None:
            found["podPort"] = self.pod_port.to_object(keep_unknown=keep_unknown)
        if self.sources:
            found["sources"] = list(self.sources)
        return found | self.unknown if keep_unknown else found


class PodManifest(Value):
    """A whole pod. ``ac_version`` is empty where the document has none, which readers accept."""

    ac_version: str
    apps: tuple[RuntimeApp, ...] = ()
    volumes: tuple[Volume, ...] = ()
    isolators: tuple[Isolator, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    ports: tuple[ExposedPort, ...] = ()
    user_annotations: FrozenMap = NOTHING
    user_labels: FrozenMap = NOTHING
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        if self.ac_version:
            check_version(self.ac_version)
        refuse_duplicates([app.name for app in self.apps], "duplicate apps of name")
        refuse_duplicates([volume.name for volume in self.volumes], "duplicate volume name")
        check_annotations(self.annotations)

    @classmethod
    def from_json(cls, source: bytes | str, *, lenient: bool = False) -> PodManifest:
        """Return the pod manifest in ``source``.

        Images without an ID pass, as in a template. ``lenient`` also takes parts without a
        name, as the reference library does until it has to write them.

        Raises:
            AppcError: not JSON, or a constraint of the specification is broken.
        """
        return cls.from_object(read_document(source, "pod manifest"), lenient=lenient)

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> PodManifest:
        """Return the pod manifest a parsed JSON object describes; see ``from_json``."""
        fields, unknown = _POD.read(value, "pod manifest")
        check_kind(text(fields, "acKind"), POD_KIND)
        version = fields.get("acVersion")
        return cls(
            "" if version is None else check_version(text(fields, "acVersion")),
            items(fields, "apps", lambda v: RuntimeApp.from_object(v, lenient=lenient)),
            items(fields, "volumes", Volume.from_object),
            read_isolators(fields, lenient=lenient),
            read_annotations(fields, "annotations", lenient=lenient),
            items(fields, "ports", lambda v: ExposedPort.from_object(v, lenient=lenient)),
            table(fields, "userAnnotations"),
            table(fields, "userLabels"),
            unknown,
        )

    def annotation(self, name: str) -> str | None:
        """Return the value of the annotation ``name``."""
        return find(self.annotations, name)

    def app(self, name: str) -> RuntimeApp | None:
        """Return the app called ``name``."""
        return next((app for app in self.apps if app.name == name), None)

    def volume(self, name: str) -> Volume | None:
        """Return the volume called ``name``."""
        return next((volume for volume in self.volumes if volume.name == name), None)

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object, keys in the order of the reference library."""

        def write(
            part: RuntimeApp | Volume | Isolator | Annotation | ExposedPort,
        ) -> dict[str, object]:
            return part.to_object(keep_unknown=keep_unknown)

        found: dict[str, object] = {}
        if self.ac_version:
            found["acVersion"] = self.ac_version
        found["acKind"] = POD_KIND
        put_list(found, "apps", self.apps, write, always=True)
        put_list(found, "volumes", self.volumes, write, always=True)
        put_list(found, "isolators", self.isolators, write, always=True)
        put_list(found, "annotations", self.annotations, write, always=True)
        put_list(found, "ports", self.ports, write, always=True)
        put_table(found, "userAnnotations", self.user_annotations)
        put_table(found, "userLabels", self.user_labels)
        return found | self.unknown if keep_unknown else found


def _source(option: str) -> str:
    key, _, network = option.partition("=")
    if key != "from":
        raise AppcError(f"unknown port option {codec.quote(option)} (there is from=NETWORK)")
    if not is_network(network):
        raise AppcError(f"{codec.quote(network)} is not a valid network")
    return network
