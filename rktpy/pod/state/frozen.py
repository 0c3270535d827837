"""Frozen pods: their processes exist, but do not run until they are thawed."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.cgroup.frost import Frost, frost_of
from rktpy.pod.texts import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.pod.lifecycle import Pod


class FrozenError(RktError):
    """The pod, or its ``app``, is frozen."""

    def __init__(self, uuid: str, frost: Frost, *, app: str = "", instead: str = "") -> None:
        what = f"app {quote(app)} of pod {quote(uuid)}" if app else f"pod {quote(uuid)}"
        way = f", or {instead}" if instead else ""
        super().__init__(f"{what} is frozen", hint=f"thaw it with: {frost.remedy}{way}")


def frost_of_pod(pod: Pod) -> Frost | None:
    """Return what keeps a running pod frozen, None if nothing does. Costs three small files."""
    path = read_text(f"{pod.path}/subcgroup")
    return frost_of(path) if path else None


def check_not_frozen(pod: Pod, *, app: str = "", instead: str = "") -> None:
    """Refuse a pod, or an app of it, that is frozen and so would not react.

    ``instead`` is an alternative for the hint.

    Raises:
        FrozenError: it is frozen.
    """
    if frost := frost_of_pod(pod):
        raise FrozenError(pod.uuid, frost, instead=instead)
    path = read_text(f"{pod.path}/subcgroup")
    if path and app and (frost := frost_of(f"{path}/system.slice/{app}.service")):
        raise FrozenError(pod.uuid, frost, app=app, instead=instead)
