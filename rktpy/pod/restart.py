"""Whether an app is started again when it ends: an annotation of ours, on the app or its image.

What the pod manifest says of the app (``--annotation``) wins over what the image says.
"""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError

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


class RestartPolicyError(RktError):
    """The annotation of an app says what we do not know."""

    def __init__(self, app: str, word: str) -> None:
        super().__init__(
            f"annotation {RESTART_ANNOTATION} of app {quote(app)} is {quote(word)}",
            hint=f"give one of {', '.join(_WORDS)}",
        )


def restart_policy(runtime: RuntimeApp, image: ImageManifest) -> str:
    """Return one of ``Restart`` for an app of ``image``.

    Raises:
        RestartPolicyError: the annotation has another value.
    """
    word = runtime.annotation(RESTART_ANNOTATION)
    if word is None:
        word = image.annotation(RESTART_ANNOTATION)
    if word is None:
        return Restart.NO
    if word not in _WORDS:
        raise RestartPolicyError(runtime.name, word)
    return word
