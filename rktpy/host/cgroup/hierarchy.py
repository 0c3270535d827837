"""Where this mount namespace shows the control group hierarchies. Pure: text in, values out.

The three layouts are systemd's (``cg_unified``):

legacy    only v1 hierarchies; ``name=systemd`` tells who is where
hybrid    v1 for the controllers, a cgroup2 mount at ``/sys/fs/cgroup/unified`` for the tree
unified   one cgroup2 mount at ``/sys/fs/cgroup``
"""

from __future__ import annotations

from rktpy.value import Value

LEGACY = "legacy"
HYBRID = "hybrid"
UNIFIED = "unified"
ABSENT = "absent"  # no hierarchy is mounted here at all: a bare chroot

SYSTEMD = "name=systemd"
_TOP = "/sys/fs/cgroup"
# Options of a v1 superblock that are not controllers (kernel: cgroup1_show_options).
_NOT_CONTROLLERS = frozenset(
    ("rw", "ro", "none", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods")
)


class Hierarchy(Value):
    """One mounted hierarchy. ``controllers`` is empty for cgroup2."""

    point: str  # mount point
    root: str  # the cgroup that the mount point shows; "/" but for bind mounts
    controllers: tuple[str, ...]
    unified: bool = False

    @property
    def key(self) -> str:
        """The middle field of this hierarchy's line in ``/proc/<pid>/cgroup``, sorted."""
        return ",".join(self.controllers)

    @property
    def name(self) -> str:
        """Where systemd looks for it below ``/sys/fs/cgroup``."""
        return self.point.rpartition("/")[2]

    def directory(self, path: str) -> str | None:
        """Return where the cgroup ``path`` can be reached, or None if the mount hides it."""
        if self.root == "/":
            return self.point + path.rstrip("/")
        if path == self.root or path.startswith(self.root + "/"):
            return self.point + path[len(self.root) :].rstrip("/")
        return None


def parse_mountinfo(text: str) -> tuple[Hierarchy, ...]:
    """Return the hierarchies of ``/proc/<pid>/mountinfo``, each once, in mount order.

    Of several mounts of one hierarchy the one that shows most wins, the first of equals.
    """
    found: dict[str, Hierarchy] = {}
    for line in text.splitlines():
        head, separator, tail = line.partition(" - cgroup")
        if not separator:
            continue
        hierarchy = _hierarchy(head.split(" "), tail.split(" "))
        before = found.get(hierarchy.key)
        if before is None or len(hierarchy.root) < len(before.root):
            found[hierarchy.key] = hierarchy
    return tuple(found.values())


def _hierarchy(head: list[str], tail: list[str]) -> Hierarchy:
    point, root = _unescape(head[4]), _unescape(head[3])
    if tail[0] == "2":
        return Hierarchy(point, root, (), unified=True)
    options = tail[-1].split(",")
    controllers = [o for o in options if o not in _NOT_CONTROLLERS and not o.startswith("release_")]
    return Hierarchy(point, root, tuple(sorted(controllers)))


def mode_of(hierarchies: tuple[Hierarchy, ...]) -> str:
    """Return LEGACY, HYBRID, UNIFIED or ABSENT, by the places systemd itself looks at."""
    points = {h.point for h in hierarchies if h.unified}
    return _mode(points, v1=any(not h.unified for h in hierarchies))


def mode_of_mountinfo(text: str) -> str:
    """Return ``mode_of(parse_mountinfo(text))`` at a tenth of the cost, for the start of a pod."""
    lines = [line for line in text.splitlines() if " - cgroup2 " in line]
    return _mode({_unescape(line.split(" ", 5)[4]) for line in lines}, v1=" - cgroup " in text)


def _mode(points: set[str], *, v1: bool) -> str:
    if _TOP in points:
        return UNIFIED
    if f"{_TOP}/unified" in points or f"{_TOP}/systemd" in points:
        return HYBRID
    if v1:
        return LEGACY
    return UNIFIED if points else ABSENT


def parse_membership(text: str) -> dict[str, str]:
    """Return ``/proc/<pid>/cgroup`` as {sorted controllers: path}; the key "" is cgroup2."""
    paths = {}
    for line in text.splitlines():
        _number, separator, rest = line.partition(":")
        if separator:
            controllers, _, path = rest.partition(":")
            # A removed cgroup is shown with this suffix; the path itself was right.
            paths[",".join(sorted(controllers.split(",")))] = path.removesuffix(" (deleted)")
    return paths


def tree_path(membership: dict[str, str], mode: str) -> str:
    """Return the path by which systemd knows the process: cgroup2 where mounted, else v1."""
    if mode in (UNIFIED, HYBRID) and "" in membership:
        return membership[""]
    return membership.get(SYSTEMD) or membership.get("cpu") or membership.get("") or "/"


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    parts = text.split("\\")
    return parts[0] + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts[1:])
