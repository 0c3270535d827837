"""Where the control groups of a running pod and of its apps are, in each hierarchy.

The pod's own follow from its files. Which an app has depends on who set the pod up and what the
app is limited in, so one of its processes is asked: a cgroup is the app's if its name is in the
path. Elsewhere the app shares that of the pod, and nothing can be told of it alone.
"""

from __future__ import annotations

import os

from rktpy.host.cgroup.files import read
from rktpy.host.cgroup.hierarchy import parse_membership
from rktpy.host.cgroup.usage import Usage, read_usage
from rktpy.pod.texts import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.host.cgroup.hierarchy import Hierarchy
    from rktpy.pod.lifecycle import Pod

_PAYLOAD = "/payload"
_TREES = ("", "name=systemd")  # the hierarchies that systemd keeps its units in, best first


def pod_places(pod: Pod, hierarchies: Sequence[Hierarchy]) -> dict[str, str]:
    """Return the existing directories of the pod, its supervisor included, by hierarchy."""
    recorded = parse_membership(read_text(f"{pod.path}/cgroups"))
    own = ("/" + read_text(f"{pod.path}/subcgroup").strip("/")).removesuffix(_PAYLOAD)
    places = {}
    for hierarchy in hierarchies:
        path = recorded.get(hierarchy.key, own).rstrip("/")
        directory = hierarchy.directory(path) if path else None  # the root is never a pod's
        if directory and os.path.isdir(directory):
            places[hierarchy.key] = directory
    return places


def pod_usage(places: dict[str, str]) -> Usage:
    """Return what the whole pod has used; all None once it is gone."""
    return read_usage(places)


def app_usage(app: str, places: dict[str, str], hierarchies: Sequence[Hierarchy]) -> Usage | None:
    """Return what ``app`` of the pod at ``places`` has used, None if it does not run."""
    found = _app_places(app, places, hierarchies)
    return read_usage(found) if found else None


def _app_places(
    app: str, places: dict[str, str], hierarchies: Sequence[Hierarchy]
) -> dict[str, str]:
    unit = f"{app}.service"
    for key in _TREES:
        for below in (_PAYLOAD, ""):
            folder = f"{places.get(key, '')}{below}/system.slice/{unit}"
            members = read(f"{folder}/cgroup.procs").split() if key in places else ()
            if members:
                return {key: folder} | _of_process(members[0], unit, hierarchies)
    return {}


def _of_process(pid: str, unit: str, hierarchies: Sequence[Hierarchy]) -> dict[str, str]:
    membership = parse_membership(read(f"/proc/{pid}/cgroup"))
    places = {}
    for hierarchy in hierarchies:
        parts = membership.get(hierarchy.key, "").split("/")
        if unit in parts:
            path = "/".join(parts[: parts.index(unit) + 1])
            directory = hierarchy.directory(path)
            if directory:
                places[hierarchy.key] = directory
    return places
