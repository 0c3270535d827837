"""Annotations of ours that say how an app is run: on the app in the pod manifest, or on its image.

What the pod manifest says of the app (``--annotation``) wins over what the image says.
"""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.image import ImageManifest
    from rktpy.appc.pod import RuntimeApp


class AnnotationError(RktError):
    """An annotation of an app says what we do not know; ``hint`` says what it may say."""

    def __init__(self, app: str, name: str, word: str, hint: str) -> None:
        super().__init__(f"annotation {name} of app {quote(app)} is {quote(word)}", hint=hint)


def annotated(runtime: RuntimeApp, image: ImageManifest, name: str) -> str | None:
    """Return what the annotation ``name`` says of an app of ``image``, None if nobody has it."""
    word = runtime.annotation(name)
    return image.annotation(name) if word is None else word
