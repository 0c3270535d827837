"""Which app of a pod is meant."""

from __future__ import annotations

from rktpy import log
from rktpy.codec import quote
from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.pod.lifecycle import Pod


class AppChoiceError(RktError):
    """It cannot be told which app is meant."""


class AppMissingError(AppChoiceError):
    """The pod has no app of this name."""


def choose_app(pod: Pod, wanted: str, *, command: str, advice: str) -> str:
    """Return the name of the app ``wanted``, or of the only one if that is empty.

    If there are several, ``command`` lists them on stderr, and ``advice`` says how to name one.

    Raises:
        AppChoiceError: there is none, or more than one.
        RktError, OSError: the manifest cannot be read.
    """
    names = [str(app.name) for app in pod.manifest().apps]
    if wanted:
        if wanted not in names:
            raise AppMissingError(
                f"app {quote(wanted)} is not present in pod {quote(pod.uuid)}",
                hint=f"its apps are: {', '.join(names)}",
            )
        return wanted
    if not names:
        raise AppChoiceError("pod contains zero apps")
    if len(names) > 1:
        listing = "".join(f"\n\t{name}" for name in names)
        log.Logger(command).warning("pod contains multiple apps:%s", listing)
        raise AppChoiceError(f'specify app using "{advice}"')
    return names[0]
