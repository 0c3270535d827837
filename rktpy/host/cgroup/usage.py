"""What the processes of one cgroup have used, from its files; any of cgroup v1, hybrid and v2.

A cgroup may be removed while it is read, and a controller may not be there: then the figure is
None, which is not the same as 0.
"""

from __future__ import annotations

import os

from rktpy.host.cgroup.files import read, walk
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_LIMIT_V1 = 1 << 62  # what v1 shows without a limit is the largest number, cut to pages


class Usage(Value):
    """Figures of one cgroup and all below it. ``memory`` is without cached files not in use."""

    cpu: int | None = None  # ns of processor time since it was made
    memory: int | None = None  # bytes
    memory_limit: int | None = None  # bytes; None also where there is no limit
    read: int | None = None  # bytes from block devices
    written: int | None = None
    pids: int | None = None  # processes and threads


def read_usage(places: Mapping[str, str]) -> Usage:
    """Return the figures of the cgroup at ``places``: directories by the controllers of their
    hierarchy (comma-separated; "" is cgroup2). A missing one gives None for its figures.
    """
    v1 = {name: directory for key, directory in places.items() for name in key.split(",") if name}
    v2 = places.get("", "")
    memory, limit = _memory_v1(v1["memory"]) if "memory" in v1 else _memory_v2(v2)
    done = _io_v1(v1["blkio"]) if "blkio" in v1 else _io_v2(v2)
    return Usage(
        cpu=_number(f"{v1['cpuacct']}/cpuacct.usage") if "cpuacct" in v1 else _cpu_v2(v2),
        memory=memory,
        memory_limit=limit,
        read=done[0],
        written=done[1],
        pids=_pids(v1.get("pids", v2), v2 or v1.get("name=systemd", "")),
    )


def _cpu_v2(directory: str) -> int | None:
    used = _fields(f"{directory}/cpu.stat").get("usage_usec") if directory else None
    return None if used is None else used * 1000


def _memory_v1(directory: str) -> tuple[int | None, int | None]:
    used = _number(f"{directory}/memory.usage_in_bytes")
    idle = _fields(f"{directory}/memory.stat").get("total_inactive_file", 0)
    limit = _number(f"{directory}/memory.limit_in_bytes")
    if limit is not None and limit >= _NO_LIMIT_V1:
        limit = None
    return None if used is None else max(used - idle, 0), limit


def _memory_v2(directory: str) -> tuple[int | None, int | None]:
    used = _number(f"{directory}/memory.current") if directory else None
    if used is None:
        return None, None
    idle = _fields(f"{directory}/memory.stat").get("inactive_file", 0)
    return max(used - idle, 0), _number(f"{directory}/memory.max")


def _io_v1(directory: str) -> tuple[int | None, int | None]:
    """Lines ``8:0 Read 4096``; the recursive file came with Linux 3.x and is not everywhere."""
    for name in ("io_service_bytes_recursive", "io_service_bytes"):
        text = read(f"{directory}/blkio.throttle.{name}")
        if text:
            words = [line.split() for line in text.splitlines()]
            return _sum(words, "Read"), _sum(words, "Write")
    return None, None


def _sum(lines: list[list[str]], kind: str) -> int:
    return sum(int(words[2]) for words in lines if len(words) == 3 and words[1] == kind)


def _io_v2(directory: str) -> tuple[int | None, int | None]:
    """Lines ``8:0 rbytes=4096 wbytes=0 …``; an empty file means none yet, if it is there."""
    path = f"{directory}/io.stat"
    if not directory or not os.path.exists(path):
        return None, None
    words = read(path).split()
    done = [sum(_value(word) for word in words if word.startswith(key)) for key in _IO_KEYS]
    return done[0], done[1]


_IO_KEYS = ("rbytes=", "wbytes=")


def _value(word: str) -> int:
    digits = word.partition("=")[2]
    return int(digits) if digits.isdigit() else 0


def _pids(directory: str, tree: str) -> int | None:
    """Return the counter of the controller, or count in the tree where nobody switched it on."""
    counted = _number(f"{directory}/pids.current") if directory else None
    if counted is not None or not tree or not os.path.isdir(tree):
        return counted
    return sum(_threads(folder) for folder in walk(tree))


def _threads(folder: str) -> int:
    return (read(f"{folder}/cgroup.threads") or read(f"{folder}/tasks")).count("\n")


def _number(path: str) -> int | None:
    text = read(path).strip()
    return int(text) if text.isdigit() else None  # "max" is not a number


def _fields(path: str) -> dict[str, int]:
    """Return the lines ``name number`` of a file."""
    pairs = (line.split() for line in read(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
