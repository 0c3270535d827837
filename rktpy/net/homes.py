"""The network namespace that is the host of a pod, found from outside of it.

A unit may have one of its own (``PrivateNetwork=``, ``NetworkNamespacePath=``), in which the pod's
rules and links are; who collects the pod is often elsewhere. It is known by ``runtime.here``, a
number that a later namespace may get. That one has nothing with the name of our pod.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.host.helper import Answer, Helper
from rktpy.net.runtime import here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class HomeError(RktError):
    """The network namespace of a pod's host cannot be entered."""


def elsewhere(home: str) -> str:
    """Return a path of the namespace ``home``, "" if this process is in it, or it is gone."""
    if home in ("", here()):
        return ""
    return next((place for place in _places() if _number(place) == home), "")


def there(place: str, work: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """Return what ``work`` says in the namespace at ``place``, in a child; before threads start.

    Raises:
        RktError: of ``work``, as text, or the namespace has gone.
        OSError: of ``work``.
    """

    def visit() -> Answer:
        with netns.within(place):
            return Answer(warnings=work())

    return tuple(Helper(visit, failure=HomeError).wait().warnings)


def _places() -> Iterator[str]:
    for name in netns.names():
        yield f"{netns.DIRECTORY}/{name}"
    for name in os.listdir("/proc"):
        if name.isdigit():
            yield f"/proc/{name}/ns/net"


def _number(place: str) -> str:
    try:
        found = os.stat(place)
    except OSError:
        return ""  # it has just ended
    return f"{found.st_dev}:{found.st_ino}"
