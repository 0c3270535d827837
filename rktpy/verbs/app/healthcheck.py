"""``rktpy healthcheck``: run the check that an app's image names.

The annotation holds what the configuration of the image says (docker's ``HEALTHCHECK``): ``Test``
is a list that begins with ``CMD``, ``CMD-SHELL`` or ``NONE``. How often to run it, and how many
failures are too many, is said there as well, but is for those to decide who call us.
"""

from __future__ import annotations

from rktpy.appc.image import ImageManifest
from rktpy.codec import parse, quote
from rktpy.errors import RktError
from rktpy.host.files import read_bytes
from rktpy.pod.app.annotations import annotated
from rktpy.verbs.app.enter import choose_app_of, run_in_app, running_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from rktpy.pod.lifecycle import Pod
    from rktpy.verbs.site import Site

ANNOTATION = "rktpy/docker/health-check"
_MANIFEST_LIMIT = 16 << 20
_SHELL = "/bin/sh"


class NoCheckError(RktError):
    """The image of the app names no health check, or none that can be run."""

    def __init__(self, app: str, reason: str) -> None:
        hint = "run a command of your own with: rktpy enter --as-app"
        super().__init__(f"the image of app {quote(app)} {reason}", hint=hint)


def check_health(site: Site, text: str, *, app: str = "") -> NoReturn:
    """Run the check in the app as its user and end as it ends.

    Raises:
        RktError: the pod does not run, the app is not clear, or has no check.
    """
    pod = running_pod(site, text)
    name = choose_app_of(pod, app, command="healthcheck")
    run_in_app(pod, name, check_of(_annotation(pod, name), name), term="", as_app=True)


def check_of(annotation: str, app: str) -> tuple[str, ...]:
    """Return the command of the check that ``annotation`` holds, JSON.

    Raises:
        NoCheckError: it holds none.
    """
    try:
        found = parse(annotation, what="health check") if annotation else {}
    except RktError as error:
        raise NoCheckError(app, "has a health check that cannot be read") from error
    test = found.get("Test") if isinstance(found, dict) else None
    if not isinstance(test, list) or not all(isinstance(word, str) for word in test):
        test = []
    kind, *words = test or ("NONE",)
    if kind == "CMD" and words:
        return tuple(words)
    if kind == "CMD-SHELL" and len(words) == 1:
        return (_SHELL, "-c", words[0])
    raise NoCheckError(app, "has no health check")


def _annotation(pod: Pod, name: str) -> str:
    (app,) = (app for app in pod.manifest().apps if app.name == name)
    try:
        image = ImageManifest.from_json(
            read_bytes(pod.tree.app_manifest(name), limit=_MANIFEST_LIMIT)
        )
    except OSError as error:
        raise RktError(f"cannot read the image manifest of app {quote(name)}") from error
    return annotated(app, image, ANNOTATION) or ""
