"""Which file an app's ``exec`` names: a search in the app's own root, as execvp would do it."""

from __future__ import annotations

import stat

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.tree import rootpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.appc.app import App


class ExecutableError(RktError):
    """The app's ``exec`` is empty or names nothing that can be executed."""


def find_executable(rootfs: str, app: App, image_name: str) -> str:
    """Return the absolute path, as the app sees it, of what ``app.exec`` starts.

    Only bare names are searched, in the ``PATH`` of the app's own environment or else in its
    working directory, /bin and /usr/bin; other paths need not exist. Links are followed for
    the test but stay in the result: programs look at the name they were called by.

    Raises:
        ExecutableError: ``exec`` is empty, or the search found nothing.
    """
    if not app.exec:
        raise ExecutableError(f'image {quote(image_name)} has an empty "exec" (try --exec=BINARY)')
    name = app.exec[0]
    here = app.working_directory or "/"
    if name.startswith("/"):
        return name
    if "/" in name:
        return _join(here, name)
    paths = _search_path(app, here)
    for directory in paths:
        candidate = _join(_join(here, directory), name)
        if _is_executable(rootfs, candidate):
            return candidate
    raise ExecutableError(f"error looking up {quote(name)}") from ExecutableError(
        f"unable to find {quote(name)} in {quote(':'.join(paths))}"
    )


def _search_path(app: App, here: str) -> Sequence[str]:
    for variable in app.environment:
        if variable.name == "PATH":
            return variable.value.split(":")
    return (here, "/bin", "/usr/bin")


def _join(directory: str, name: str) -> str:
    if name.startswith("/"):
        return name
    return f"{directory.rstrip('/')}/{name}" if name else directory


def _is_executable(rootfs: str, path: str) -> bool:
    try:
        mode = rootpath.stat_in_root(rootfs, path).st_mode
    except OSError:
        return False  # missing, a loop, a file in the way: the search goes on
    return stat.S_ISREG(mode) and bool(mode & 0o111)
