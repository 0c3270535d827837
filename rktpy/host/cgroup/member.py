"""The control groups that a process is in, held so that another process can join them.

They are found by the caller's view and opened at once, so joining also works after setns(2),
when neither /proc nor /sys/fs/cgroup are the caller's any more.
"""

from __future__ import annotations

import os

from rktpy.host.cgroup.hierarchy import parse_membership, parse_mountinfo
from rktpy.resource import Resource


class Cgroups(Resource):
    """Every cgroup of one process in which the caller is not already. Closing lets go of them."""

    __slots__ = ("_fds",)

    def __init__(self, pid: int) -> None:
        """Open the cgroups of ``pid``.

        A hierarchy that is not mounted here, or only in parts, is left out: nobody can join it.

        Raises:
            OSError: the process is gone, or one of its cgroups may not be joined by us.
        """
        self._fds: list[int] = []
        theirs, ours = (parse_membership(_read(f"/proc/{who}/cgroup")) for who in (pid, "self"))
        try:
            for hierarchy in parse_mountinfo(_read("/proc/self/mountinfo")):
                path = theirs.get(hierarchy.key)
                if path is None or path == ours.get(hierarchy.key) or "/../" in f"{path}/":
                    continue
                directory = hierarchy.directory(path)
                if directory is not None:
                    file = f"{directory}/cgroup.procs"
                    self._fds.append(os.open(file, os.O_WRONLY | os.O_CLOEXEC))
        except BaseException:
            self.close()
            raise

    def join(self) -> None:
        """Move the calling process, which may be a child of the one that opened them.

        Raises:
            OSError: the kernel refuses, or the cgroup was removed meanwhile.
        """
        for fd in self._fds:
            os.write(fd, b"0")  # whoever writes

    def close(self) -> None:
        """Let go; twice is fine."""
        while self._fds:
            os.close(self._fds.pop())


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")
