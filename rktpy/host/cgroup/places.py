"""Where cgroups of a pod are, or are going to be, on this machine.

Paths alone: nothing is made here. ``rktpy.cgroup`` makes those that no systemd makes.
"""

from __future__ import annotations

import os

from rktpy.host.cgroup.files import read
from rktpy.host.cgroup.hierarchy import SYSTEMD, Hierarchy, parse_membership, parse_mountinfo
from rktpy.value import Value

_DELEGATED = frozenset(("cpu", "memory", "pids", "blkio"))  # v1: what systemd gives to a scope


class Place(Value):
    """The pod's cgroup in one hierarchy."""

    key: str  # controllers as in /proc/<pid>/cgroup, sorted; "" is cgroup2
    path: str  # in the hierarchy
    directory: str  # on disk
    origin: str  # directory of the caller's own cgroup
    name: str = ""  # of the hierarchy below /sys/fs/cgroup


def hierarchies() -> tuple[Hierarchy, ...]:
    """Return the hierarchies that the caller's mount namespace shows."""
    return parse_mountinfo(read("/proc/self/mountinfo"))


def unit_places(own: str) -> tuple[Place, ...]:
    """Return the v1 cgroups of the unit whose cgroup is ``own``: delegated, and the caller's.

    A unit without ``Delegate=`` has none of its own in most hierarchies; those of its parents
    are not listed.
    """
    membership = parse_membership(read("/proc/self/cgroup"))
    places = []
    for hierarchy in hierarchies():
        directory = hierarchy.directory(own)
        if not hierarchy.key or membership.get(hierarchy.key) != own or directory is None:
            continue
        if os.access(directory, os.W_OK):
            places.append(Place(hierarchy.key, own, directory, directory, hierarchy.name))
    return tuple(places)


def scope_places(path: str) -> tuple[Place, ...]:
    """Return the v1 cgroups that systemd will make for the scope ``path``, or find made.

    It will remove them as well, and ``kill_and_remove`` does if it never knew of them.
    """
    places = []
    for hierarchy in hierarchies():
        directory = hierarchy.directory(path)
        if directory is None or _DELEGATED.isdisjoint(hierarchy.controllers):
            continue
        if os.access(hierarchy.point, os.W_OK):
            places.append(Place(hierarchy.key, path, directory, hierarchy.point, hierarchy.name))
    return tuple(places)


def tree_directories(path: str) -> tuple[str, ...]:
    """Return where the cgroup ``path`` is, or would be, in the hierarchies that order processes.

    cgroup2 first; on a hybrid host systemd mirrors it in ``name=systemd``. None without cgroup2.
    """
    found = {hierarchy.key: hierarchy.directory(path) for hierarchy in hierarchies()}
    trees = (found.get(""), found.get(SYSTEMD))
    return tuple(tree for tree in trees if tree is not None) if trees[0] else ()
