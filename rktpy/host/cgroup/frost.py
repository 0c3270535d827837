"""Whether processes are frozen (``systemctl freeze``, ``cgroup.freeze``): they hear nothing then.

cgroup2 only. A frozen v1 freezer group is nobody's of systemd's, and not looked for.
"""

from __future__ import annotations

from rktpy.host.cgroup.files import read
from rktpy.value import Value

_POINTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")  # cgroup v2; hybrid
_UNITS = (".service", ".scope", ".slice")


class Frost(Value):
    """What is to be thawed: the highest group that somebody froze."""

    directory: str

    @property
    def remedy(self) -> str:
        """The command that thaws it."""
        name = self.directory.rpartition("/")[2]
        if name.endswith(_UNITS):
            return f"systemctl thaw {_quoted(name)}"
        return "echo 0 > " + _quoted(f"{self.directory}/cgroup.freeze")


def frost_of(path: str) -> Frost | None:
    """Return what keeps the group ``path`` frozen, None if it is not, or is not there.

    ``path`` is as in ``/proc/<pid>/cgroup``.
    """
    parts = path.strip("/").split("/")
    for point in _POINTS:
        if "frozen 1" not in read(f"{point}/{'/'.join(parts)}/cgroup.events").splitlines():
            continue
        for depth in range(1, len(parts) + 1):
            directory = f"{point}/{'/'.join(parts[:depth])}"
            if read(f"{directory}/cgroup.freeze").strip() == "1":
                return Frost(directory)
    return None


def _quoted(text: str) -> str:
    return f"'{text}'" if "\\" in text else text
