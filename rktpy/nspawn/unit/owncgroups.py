"""What an app sees of control groups: its own part, read-only, if it is limited. Pure.

Runtimes that size themselves (Java, Go, Node.js, Rust) read how much memory and processor time
they may take from ``/sys/fs/cgroup`` and, below it, the path that ``/proc/self/cgroup`` says.
systemd 252 gives no service a namespace of its own for control groups, so that path is not ``/``.
Hence ``/sys/fs`` is covered by a directory of stage1 in which the app's cgroup has its full path,
and links lead there for those who look no further than the top::

    /rkt/fs/<app>/cgroup/memory.max -> system.slice/<app>.service/memory.max
                         system.slice/<app>.service        its own cgroup is mounted here

On v1 there is such a tree for memory and for cpu; for what was not handed to the pod the cgroup in
which the pod is. cpuset is there because Java wants all of them. An app without limits has nothing
to read and is spared the mounts: systemd goes through the whole mount table for each.
"""

from __future__ import annotations

from rktpy.nspawn.limits.enforcement import wanted_controllers
from rktpy.nspawn.unit.quoting import bind_word
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rktpy.flavour.plan import AppPlan, PodPlan

FS_DIRECTORY = "/rkt/fs"  # in stage1
_TOP = "/sys/fs/cgroup"
_V2_FILES = (
    "cgroup.controllers", "cgroup.procs", "cpu.max", "cpu.stat", "cpu.weight", "memory.current",
    "memory.events", "memory.high", "memory.max", "memory.stat", "memory.swap.current",
    "memory.swap.max", "pids.current", "pids.max",
)  # fmt: skip
# Where each hierarchy goes, by the controller under which the pod has it, and its files.
_V1 = {
    "memory": ("memory", ("memory.limit_in_bytes", "memory.stat", "memory.usage_in_bytes")),
    "cpu": ("cpu,cpuacct", ("cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.shares", "cpu.stat")),
    "cpuset": ("cpuset", ()),
}
_V1_LINKS = {"cgroup/cpu": "cpu,cpuacct", "cgroup/cpuacct": "cpu,cpuacct"}


class CgroupView(Value):
    """The cover of one app's ``/sys/fs``. Paths are relative to it."""

    directories: tuple[str, ...]  # parents first
    links: Mapping[str, str]
    mounts: Mapping[str, str]  # where: which directory of the pod


def cgroup_view(pod: PodPlan, app: AppPlan) -> CgroupView:
    """Return what covers ``/sys/fs`` in an app that sees its cgroups."""
    own = f"system.slice/{app.name}.service"
    if not app.limits.v1:
        directories = ("cgroup", *_path("cgroup", own))
        mounts = {f"cgroup/{own}": f"{_TOP}/{own}"}
        return CgroupView(directories, _links("cgroup", own, _V2_FILES), mounts)
    tree, links, mounts = ["cgroup"], dict(_V1_LINKS), {}
    wanted = wanted_controllers(pod)
    for controller, (name, files) in _V1.items():
        place = f"cgroup/{name}"
        tree.append(place)
        if controller not in wanted:
            mounts[place] = f"{_TOP}/{controller}"
            continue
        tree += _path(place, own)
        links |= _links(place, own, files)
        mounts[f"{place}/{own}"] = f"{_TOP}/{controller}/{own}"
    return CgroupView(tuple(tree), links, mounts)


def own_cgroups(pod: PodPlan, app: AppPlan) -> Iterator[tuple[str, str]]:
    """Yield the ``[Service]`` options that mount what ``app`` is to see."""
    if not app.sees_cgroups:
        return
    yield "BindPaths", f"{FS_DIRECTORY}/{app.name}:/sys/fs:norbind"
    for place, source in cgroup_view(pod, app).mounts.items():
        # "-": where a limit does not hold there is no such cgroup, and nothing to see.
        yield "BindReadOnlyPaths", f"-{source}:{bind_word(f'/sys/fs/{place}')}:norbind"


def _path(top: str, below: str) -> tuple[str, str]:
    parent, _, _ = below.rpartition("/")
    return f"{top}/{parent}", f"{top}/{below}"


def _links(top: str, own: str, files: tuple[str, ...]) -> dict[str, str]:
    return {f"{top}/{file}": f"{own}/{file}" for file in files}
