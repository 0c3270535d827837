"""Rules and ports of pods that left: those that a firewall did not give back are asked for again.

/run/rktpy/net/owed/<uuid>     ``runtime.here`` of the namespace they are in

Written when it fails, removed when it is done: the pod itself is gone by then. As long as the rules
stand, the claims on ports do, so that who wants one of the ports asks as well.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host.files import write_atomic
from rktpy.net import homes, runtime
from rktpy.net.claims import release
from rktpy.net.firewall.applying import remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIRECTORY = f"{runtime.DIRECTORY}/owed"
_HOME = 100  # bytes


def close(uuid: str) -> tuple[str, ...]:
    """Take back rules and ports of the pod ``uuid``, here; return what failed, which ``settle``
    tries again.

    Raises:
        OSError: that could not even be noted.
    """
    try:
        remove(uuid)
        release(uuid)
    except (RktError, OSError) as error:
        _owe(uuid)
        return (str(error),)
    _forget(uuid)
    return ()


def settle() -> Iterator[tuple[str, str]]:
    """Try again what is owed; yield UUIDs, each with what failed once more, or ""."""
    for uuid in _owed():
        place = homes.elsewhere(_home(uuid))
        try:
            errors = homes.there(place, _closing(uuid)) if place else close(uuid)
        except (RktError, OSError) as error:
            errors = (str(error),)
        yield uuid, "; ".join(errors)


def _closing(uuid: str) -> Callable[[], tuple[str, ...]]:
    return lambda: close(uuid)


def _owe(uuid: str) -> None:
    runtime.make(DIRECTORY)
    if os.path.lexists(f"{DIRECTORY}/{uuid}"):
        return
    # Whole or not there: a kill in between leaves nothing.
    write_atomic(f"{DIRECTORY}/{uuid}", runtime.here().encode(), mode=0o644, durable=False)


def _owed() -> list[str]:
    try:
        return [name for name in os.listdir(DIRECTORY) if name[0] != "."]
    except FileNotFoundError:
        return []


def _home(uuid: str) -> str:
    try:
        with open(f"{DIRECTORY}/{uuid}", encoding="ascii", errors="replace") as file:
            return file.read(_HOME)
    except OSError:
        return ""  # another gc has done it


def _forget(uuid: str) -> None:
    try:
        os.unlink(f"{DIRECTORY}/{uuid}")
    except FileNotFoundError:
        pass
