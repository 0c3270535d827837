"""Reads just the names out of a manifest that breaks the specification, so that an error can
say which image or pod it is about. Checks nothing but JSON types and the kind.
"""

from __future__ import annotations

from rktpy.appc.fields import (
    IMAGE_KIND,
    POD_KIND,
    Keys,
    check_kind,
    items,
    read_document,
    text,
)  # fmt: skip
from rktpy.value import Value

_IMAGE = Keys("acKind", "acVersion", "name", "labels")
_POD = Keys("acKind", "acVersion", "apps")
_APP = Keys("name", "image")
_REFERENCE = Keys("name", "id", "labels")
_LABEL = Keys("name", "value")


class ImageOutline(Value):
    """Name and labels of an image as plain, unchecked strings; ``id`` only inside a pod."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    id: str = ""

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{name}={value}" for name, value in self.labels)])


class PodOutline(Value):
    """The app names of a pod with their images, as plain, unchecked strings."""

    apps: tuple[tuple[str, ImageOutline], ...]


def image_outline(source: bytes | str) -> ImageOutline:
    """Return what ``source`` says about the image.

    Raises:
        AppcError: not JSON, not an image manifest, or a name that is not a string.
    """
    fields, _unknown = _IMAGE.read(read_document(source, "image manifest"), "image manifest")
    check_kind(text(fields, "acKind"), IMAGE_KIND)
    return ImageOutline(text(fields, "name"), items(fields, "labels", _label))


def pod_outline(source: bytes | str) -> PodOutline:
    """Return what ``source`` says about the apps of the pod.

    Raises:
        AppcError: not JSON, not a pod manifest, or a name that is not a string.
    """
    fields, _unknown = _POD.read(read_document(source, "pod manifest"), "pod manifest")
    check_kind(text(fields, "acKind"), POD_KIND)
    return PodOutline(items(fields, "apps", _app))


def _label(value: object) -> tuple[str, str]:
    fields, _unknown = _LABEL.read(value, "label")
    return text(fields, "name"), text(fields, "value")


def _app(value: object) -> tuple[str, ImageOutline]:
    fields, _unknown = _APP.read(value, "app")
    image, _rest = _REFERENCE.read(fields.get("image"), "image")
    outline = ImageOutline(text(image, "name"), items(image, "labels", _label), text(image, "id"))
    return text(fields, "name"), outline
