"""The disks of this machine, by number."""

from __future__ import annotations

import os

from rktpy.host.cgroup.files import read
from rktpy.log import Logger

_BLOCK = "/sys/block"
_log = Logger("stage1")


def disks(where: str = _BLOCK) -> tuple[str, ...]:
    """Return ``major:minor`` of every whole disk that has a medium, sorted by name."""
    try:
        names = sorted(os.listdir(where))
    except OSError:
        return ()
    sizes = ((name, read(f"{where}/{name}/size").strip()) for name in names)
    return tuple(read(f"{where}/{name}/dev").strip() for name, size in sizes if size not in "0")


def make_node(path: str, disk: str) -> None:
    """Make a block device for ``disk`` that names it and that nobody may open, if we may."""
    major, _, minor = disk.partition(":")
    try:
        os.mknod(path, 0o060000, os.makedev(int(major), int(minor)))
    except OSError as error:
        _log.debug("no node for disk %s: %s", disk, error)
