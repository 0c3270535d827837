"""``[Install]`` of a ``.pod`` file → links beside the unit. Pure.

A generated unit cannot be enabled by systemctl: the generator makes the links itself at each boot
(systemd.generator(7)).
"""

from __future__ import annotations

from rktpy.generator.file.names import translated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from rktpy.generator.file.ini import Entry, Problem, Section

_DIRECTORIES = {"WantedBy": "wants", "RequiredBy": "requires", "UpheldBy": "upholds"}
_OTHERS = ("Alias", "DefaultInstance", "Also")
_TYPES = (
    ".service", ".target", ".socket", ".timer", ".path", ".mount", ".automount", ".swap",
    ".slice", ".scope", ".device",
)  # fmt: skip


def links_of(
    section: Section | None, unit: str, known: Container[str], problems: list[Problem]
) -> tuple[tuple[str, str], ...]:
    """Return pairs of a path below the generator's directory and the text of the link there.

    ``unit`` is the name of the unit's file; ``known`` are the names of all ``.pod`` files.
    """
    entries = section.entries if section else ()
    instance = "".join(entry.value for entry in entries if entry.key == "DefaultInstance")
    prefix, at, suffix = unit.partition("@")
    started = f"{prefix}@{instance}{suffix}" if at else unit
    links: dict[str, str] = {}
    for entry in entries:
        if entry.key not in _DIRECTORIES and entry.key not in _OTHERS:
            if not entry.key.startswith(("X-", "x-")):
                problems.append(entry.problem(f"{entry.key}=: there is no such key in [Install]"))
            continue
        if entry.key == "Also":
            problems.append(entry.problem("Also=: a generated unit cannot enable others"))
        if entry.key not in _DIRECTORIES and entry.key != "Alias":
            continue
        for name in translated(entry, known, problems).split():
            if problem := _refusal(entry, name, template=bool(at and not instance)):
                problems.append(problem)
            elif entry.key == "Alias":
                links[name] = unit
            else:
                links[f"{name}.{_DIRECTORIES[entry.key]}/{started}"] = f"../{unit}"
    return tuple(links.items())


def _refusal(entry: Entry, name: str, *, template: bool) -> Problem | None:
    if "/" in name or "%" in name or not name.endswith(_TYPES) or name.startswith("."):
        return entry.problem(f"{entry.key}=: {name} is not the name of a unit")
    if template and entry.key != "Alias":
        return entry.problem(f"{entry.key}=: a template needs a DefaultInstance=")
    if entry.key == "Alias" and not name.endswith(".service"):
        return entry.problem(f"Alias=: {name} is not a service")
    return None
