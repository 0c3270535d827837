"""The two sides of ``cp``: a path of the host, or one in an app of a pod.

The command itself opens both sides, so that errors come before any copying; a helper process then
enters its side for good (``take``).
"""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.tree.rootpath import open_in_root, resolve_in_root
from rktpy.pod.choice import choose_app
from rktpy.pod.phase import State
from rktpy.resource import Resource
from rktpy.value import Value
from rktpy.verbs.lookup import retrieve_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.nspawn.entry.visit import AppRoot
    from rktpy.pod.after.ended import EndedRoot
    from rktpy.verbs.site import Site


class SideError(RktError):
    """A side of the copy cannot be reached."""


class Place(Value):
    """A side as typed. ``pod`` is empty for the host, ``app`` where none was named."""

    path: str
    pod: str = ""
    app: str = ""


def parse_side(text: str) -> Place:
    """Read ``POD:PATH``, ``POD/APP:PATH`` or a path of the host.

    What begins with ``/`` or ``.`` is a path, so ``./a:b`` is a file called ``a:b``. Paths in pods
    begin at the app's root.

    Raises:
        SideError: a part is empty.
    """
    head, colon, path = text.partition(":")
    if not colon or text[0] in "/.":
        if not text:
            raise SideError("a path cannot be empty")
        return Place(text)
    pod, slash, app = head.partition("/")
    if not pod or not path or (slash and not app):
        raise SideError(f"{quote(text)} is not POD:PATH or POD/APP:PATH")
    return Place("/" + path.lstrip("/"), pod, app)


class HostSide(Resource):
    """A path as the caller sees it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def take(self) -> None:
        """Nothing to do: the helper is there already."""

    def open(self, path: str, flags: int) -> int:
        """Return a descriptor of ``path``.

        Raises:
            OSError: as open(2).
        """
        return os.open(path, flags | os.O_CLOEXEC)

    def resolve(self, path: str) -> str:
        """Return ``path`` without links, existing or not."""
        return os.path.realpath(path)

    def close(self) -> None:
        """Nothing is held."""


class PodSide(Resource):
    """A path in an app, once a helper has taken ``root`` for its own."""

    def __init__(self, path: str, root: AppRoot | EndedRoot) -> None:
        self.path = path
        self._root = root

    def take(self) -> None:
        """In a helper: go there for good."""
        self._root.take()

    def open(self, path: str, flags: int) -> int:
        """Return a descriptor of ``path`` in the app; links of /proc lead nowhere.

        Raises:
            OSError: as open(2).
        """
        return open_in_root("/", path, flags)

    def resolve(self, path: str) -> str:
        """Return ``path`` without links, existing or not.

        Raises:
            OSError: too many links.
        """
        return resolve_in_root("/", path)

    def close(self) -> None:
        self._root.close()


def open_side(site: Site, place: Place, *, writable: bool) -> HostSide | PodSide:
    """Return the side ``place`` means; the caller closes it.

    Raises:
        RktError: there is no such pod or app, or it cannot be looked into.
    """
    if not place.pod:
        return HostSide(place.path)
    pod = retrieve_pod(site, place.pod)
    state = pod.state()
    if state not in (State.RUNNING, State.EXITED, State.EXITED_GARBAGE):
        raise _without_files(pod.uuid, state)
    app = choose_app(pod, place.app, command="cp", advice=f"rktpy cp {place.pod}/APP:PATH ...")
    if state == State.RUNNING:
        from rktpy.nspawn.entry.visit import AppRoot
        from rktpy.pod.state.pids import find_pid1

        with find_pid1(pod) as leader:
            return PodSide(place.path, AppRoot(leader, app))
    from rktpy.nspawn.stage1 import SKELETON
    from rktpy.pod.after.ended import EndedRoot

    return PodSide(place.path, EndedRoot(pod, app, writable=writable, skeleton=SKELETON))


def _without_files(uuid: str, state: str) -> SideError:
    """Return why a pod in ``state`` can only be copied from later, or never."""
    if state in (State.PREPARED, State.PREPARING):
        return SideError(
            f"pod {quote(uuid)} has not run yet (state {quote(state)})",
            hint=f"start it with: rktpy run-prepared {uuid}",
        )
    return SideError(
        f"pod {quote(uuid)} has no files any more, or never had (state {quote(state)})",
        hint="see what there is with: rktpy list",
    )
