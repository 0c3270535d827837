"""An app and its image that have an annotation, or have it not."""

from __future__ import annotations

from rktpy.appc.image import ImageManifest
from rktpy.appc.pod import RuntimeApp

_IMAGE_ID = f"sha512-{'0' * 128}"


def with_annotation(
    name: str, app: str | None, image: str | None
) -> tuple[RuntimeApp, ImageManifest]:
    """Return an app and its image, each with the annotation ``name`` if it is to say something."""

    def notes(word: str | None) -> list[dict[str, str]]:
        return [] if word is None else [{"name": name, "value": word}]

    runtime = {"name": "web", "image": {"id": _IMAGE_ID}, "annotations": notes(app)}
    manifest = {
        "acKind": "ImageManifest",
        "acVersion": "0.8.11",
        "name": "example.com/web",
        "annotations": notes(image),
    }
    return RuntimeApp.from_object(runtime), ImageManifest.from_object(manifest)
