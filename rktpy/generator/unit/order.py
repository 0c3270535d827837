"""Ordering cycles between pods: systemd would break one by dropping a start job. Pure."""

from __future__ import annotations

from rktpy.generator.file.names import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.generator.file.ini import Entry, Problem, Section


def cycles(files: Mapping[str, Mapping[str, Section]]) -> dict[str, tuple[Problem, ...]]:
    """Return a problem for each file that is ordered after itself, with the path of the cycle.

    Only names that end in ``.pod`` are followed. Instances of a template may wait for each other.
    """
    behind: dict[str, dict[str, Entry]] = {name: {} for name in files}
    for name, sections in files.items():
        unit = sections.get("Unit")
        for entry in unit.entries if unit else ():
            for word in entry.value.split():
                if "@" in word or word not in behind or not word.endswith(SUFFIX):
                    continue
                if entry.key == "After":
                    behind[name].setdefault(word, entry)
                elif entry.key == "Before":
                    behind[word].setdefault(name, entry)
    found: dict[str, tuple[Problem, ...]] = {}
    for name, others in behind.items():
        for other, entry in others.items():
            if way := _way(other, name, behind):
                text = f"{entry.key}=: each waits for the next: {' → '.join((name, *way))}"
                found[name] = (entry.problem(text),)
                break
    return found


def _way(start: str, end: str, behind: Mapping[str, Mapping[str, Entry]]) -> tuple[str, ...]:
    """Return the shortest path from ``start`` to ``end``, both included; empty if none."""
    ways: dict[str, tuple[str, ...]] = {start: (start,)}
    edge = [start]
    while edge and end not in ways:
        following = []
        for name in edge:
            for other in behind[name]:
                if other not in ways:
                    ways[other] = (*ways[name], other)
                    following.append(other)
        edge = following
    return ways.get(end, ())
