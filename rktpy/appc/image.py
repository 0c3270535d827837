"""The image manifest: what an image is called, holds and, if it can run, runs."""

from __future__ import annotations

from rktpy.appc.app import App
from rktpy.appc.arch import check_labels, read_labels
from rktpy.appc.errors import AppcError
from rktpy.appc.fields import (
    IMAGE_KIND,
    MAX_PATH,
    MAX_PATHS,
    NOTHING,
    FrozenMap,
    Keys,
    check_kind,
    items,
    natural,
    plain,
    put_list,
    read_document,
    text,
    texts,
)
from rktpy.appc.types import (
    ACIdentifier,
    Annotation,
    ImageID,
    Label,
    check_annotations,
    check_name,
    check_version,
    find,
    read_annotations,
)
from rktpy.value import Value

_IMAGE = Keys(
    "acKind", "acVersion", "name", "labels", "app", "annotations", "dependencies",
    "pathWhitelist",
)  # fmt: skip
_DEPENDENCY = Keys("imageName", "imageID", "labels", "size")


class Dependency(Value):
    """An image whose files lie below this one's; ``size`` in bytes is 0 where not said."""

    image_name: str
    image_id: ImageID | None = None
    labels: tuple[Label, ...] = ()
    size: int = 0
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        check_name(self.image_name, ACIdentifier)
        check_labels(self.labels)

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> Dependency:
        """Return the dependency a JSON object describes."""
        fields, unknown = _DEPENDENCY.read(value, "dependency")
        if fields.get("imageName") is None:
            raise AppcError("imageName cannot be empty")
        digest = fields.get("imageID")
        return cls(
            ACIdentifier.read(fields, "imageName"),
            None if digest is None else ImageID.parse(text(fields, "imageID")),
            read_labels(fields, lenient=lenient),
            natural(fields, "size") or 0,
            unknown,
        )

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this dependency."""
        found: dict[str, object] = {"imageName": self.image_name}
        if self.image_id is not None:
            found["imageID"] = str(self.image_id)
        put_list(found, "labels", self.labels, lambda v: v.to_object(keep_unknown=keep_unknown))
        if self.size:
            found["size"] = self.size
        return found | self.unknown if keep_unknown else found


class ImageManifest(Value):
    """A whole image manifest; ``app`` is None for an image that is only built upon."""

    name: str
    ac_version: str
    labels: tuple[Label, ...] = ()
    app: App | None = None
    annotations: tuple[Annotation, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    path_whitelist: tuple[str, ...] = ()
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        if not self.name:
            raise AppcError("name must be set")
        check_name(self.name, ACIdentifier)
        check_version(self.ac_version)
        check_labels(self.labels)
        check_annotations(self.annotations)

    @classmethod
    def from_json(cls, source: bytes | str, *, lenient: bool = False) -> ImageManifest:
        """Return the image manifest in ``source``.

        ``lenient`` takes parts without a name, as the reference library does until it has to
        write them.

        Raises:
            AppcError: not JSON, or a constraint of the specification is broken.
        """
        return cls.from_object(read_document(source, "image manifest"), lenient=lenient)

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> ImageManifest:
        """Return the image manifest a parsed JSON object describes; see ``from_json``."""
        fields, unknown = _IMAGE.read(value, "image manifest")
        check_kind(text(fields, "acKind"), IMAGE_KIND)
        if fields.get("acVersion") is None:
            raise AppcError("acVersion must be set")
        if fields.get("name") is None:
            raise AppcError("name must be set")
        app = fields.get("app")
        return cls(
            ACIdentifier.read(fields, "name"),
            text(fields, "acVersion"),
            read_labels(fields, lenient=lenient),
            None if app is None else App.from_object(app, lenient=lenient),
            read_annotations(fields, "annotations", lenient=lenient),
            items(fields, "dependencies", lambda v: Dependency.from_object(v, lenient=lenient)),
            _paths(texts(fields, "pathWhitelist", limit=MAX_PATHS)),
            unknown,
        )

    def label(self, name: str) -> str | None:
        """Return the value of the label ``name``."""
        return find(self.labels, name)

    def annotation(self, name: str) -> str | None:
        """Return the value of the annotation ``name``."""
        return find(self.annotations, name)

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object, keys in the order of the reference library."""

        def write(part: Label | Annotation | Dependency) -> dict[str, object]:
            return part.to_object(keep_unknown=keep_unknown)

        found: dict[str, object] = {
            "acKind": IMAGE_KIND,
            "acVersion": self.ac_version,
            "name": self.name,
        }
        put_list(found, "labels", self.labels, write)
        if self.app is not None:
            found["app"] = self.app.to_object(keep_unknown=keep_unknown)
        put_list(found, "annotations", self.annotations, write)
        put_list(found, "dependencies", self.dependencies, write)
        put_list(found, "pathWhitelist", self.path_whitelist, plain)
        return found | self.unknown if keep_unknown else found


def _paths(found: tuple[str, ...]) -> tuple[str, ...]:
    for path in found:
        if len(path) > MAX_PATH or "\0" in path:
            raise AppcError(f"pathWhitelist holds something that cannot be a path: {path[:80]!r}")
    return found
