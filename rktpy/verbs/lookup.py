"""The pod that a user means, and how the commands say that there is none."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.pod.lifecycle import open_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.pod.lifecycle import Pod
    from rktpy.verbs.site import Site


class RetrieveError(RktError):
    """The pod cannot be found, or vanished while it was looked at."""

    def __init__(self) -> None:
        super().__init__("problem retrieving pod")


class PodLookupError(RktError):
    """No pod is known by what the user typed; as ``rm`` and ``stop`` say it."""

    def __init__(self) -> None:
        super().__init__("cannot get pod")


def retrieve_pod(site: Site, text: str) -> Pod:
    """Return the pod that ``text`` means: a UUID, its beginning, or a name. It is not locked.

    Raises:
        RetrieveError: there is none, or more than one; the cause says so and has the hint.
    """
    try:
        return open_pod(site.layout, text)
    except RktError as error:
        raise RetrieveError from error
