"""Which isolators of a pod are enforced, as its last start recorded it.

<pod>/isolators     {app: [{"name", "value", "enforced", "by"}]}; absent if there were none
"""

from __future__ import annotations

from rktpy import codec
from rktpy.errors import RktError
from rktpy.host.files import read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rktpy.pod.lifecycle import Pod

_FILE = "isolators"


def read_enforced(pod: Pod) -> dict[str, list[dict[str, Any]]]:
    """Return the outcomes by app; nothing for a pod that was not started, or in other words."""
    try:
        found = codec.parse(read_bytes(f"{pod.path}/{_FILE}"))
    except (OSError, ValueError, RktError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {app: outcomes for app, outcomes in found.items() if isinstance(outcomes, list)}
