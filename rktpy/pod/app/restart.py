"""Whether an app is started again when it ends: an annotation of ours (``pod.app.annotations``)."""

from __future__ import annotations

from rktpy.pod.app.annotations import AnnotationError, annotated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.image import ImageManifest
    from rktpy.appc.pod import RuntimeApp

RESTART_ANNOTATION = "rktpy/app/restart"


class Restart:
    """What may be asked for."""

    NO = "no"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"


_WORDS = (Restart.NO, Restart.ON_FAILURE, Restart.ALWAYS)


def restart_policy(runtime: RuntimeApp, image: ImageManifest) -> str:
    """Return one of ``Restart`` for an app of ``image``.

    Raises:
        AnnotationError: the annotation has another value.
    """
    word = annotated(runtime, image, RESTART_ANNOTATION)
    if word is None:
        return Restart.NO
    if word not in _WORDS:
        hint = f"give one of {', '.join(_WORDS)}"
        raise AnnotationError(runtime.name, RESTART_ANNOTATION, word, hint)
    return word
