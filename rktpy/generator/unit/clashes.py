"""Clashes of unit names: between pods, and with units that the host has anyway. Pure."""

from __future__ import annotations

from rktpy.generator.file.ini import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_PROBLEMS = 20  # of one file: each is a line of the journal


class Names:
    """Which file owns which unit name.

    ``host`` are the units that the host has without the generator, ``pods`` the services of
    ``.pod`` files; both map a name to a path. Units of checks, and aliases, are claimed in the
    order of the files.
    """

    __slots__ = ("_host", "_pods")

    def __init__(self, host: Mapping[str, str], pods: Mapping[str, str]) -> None:
        self._host = host
        self._pods = dict(pods)

    def is_free(self, unit: str) -> bool:
        """Return whether the host has no unit of this name."""
        return unit not in self._host

    def clashes(self, path: str, unit: str, names: Sequence[str]) -> list[Problem]:
        """Return a problem for each of ``names`` that the file ``path`` cannot have.

        Names that are free belong to that file from then on; ``unit`` is its service.
        """
        found = []
        for name in dict.fromkeys((unit, *names)):
            owner = self._host.get(name) or self._pods.setdefault(name, path)
            if owner != path:
                text = f"{name} would hide a unit of this host" if name in self._host else name
                text += f", {owner}" if name in self._host else f" belongs to {owner}"
                found.append(Problem(path, 0, f"{text}; change the name"))
        return found


def few(problems: Sequence[Problem], path: str) -> tuple[Problem, ...]:
    """Return the first problems of a file, and how many there are more."""
    if len(problems) <= _MOST_PROBLEMS:
        return tuple(problems)
    rest = Problem(path, 0, f"{len(problems) - _MOST_PROBLEMS} more problems")
    return (*problems[:_MOST_PROBLEMS], rest)
