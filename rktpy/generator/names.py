"""Names of ``.pod`` files, and the units they become. Pure.

``web.pod`` is ``web.service``; the template ``web@.pod`` is ``web@.service``. In dependencies of
units a name that ends in ``.pod`` means the service of that file: systemd has no such unit type.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from rktpy.generator.ini import Entry, Problem

SUFFIX = ".pod"
_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@")
_LONGEST = 200  # bytes, so that "-health-APP@INSTANCE.service" fits into 255

# Keys of [Unit] and [Install] whose words are names of units (systemd.unit(5)).
DEPENDENCIES = frozenset(
    (
        "After", "Before", "BindsTo", "Conflicts", "JoinsNamespaceOf", "OnFailure", "OnSuccess",
        "PartOf", "PropagatesReloadTo", "PropagatesStopTo", "ReloadPropagatedFrom", "RequiredBy",
        "Requires", "Requisite", "StopPropagatedFrom", "UpheldBy", "Upholds", "WantedBy", "Wants",
    )
)  # fmt: skip


def why_no_name(file_name: str) -> str:
    """Return why ``file_name`` cannot be a unit's, empty if it can (systemd.unit(5))."""
    stem = file_name.removesuffix(SUFFIX)
    prefix, at, instance = stem.partition("@")
    if not prefix or not _ALLOWED.issuperset(stem) or "@" in instance:
        return "its name can have letters, digits and :-_.\\ and one @, which does not come first"
    if at and instance:
        return f"write a template: {prefix}@{SUFFIX}"
    return "its name is too long" if len(stem) > _LONGEST else ""


def unit_name(stem: str, suffix: str, part: str = "") -> str:
    """Return the name of the file of a unit of the pod ``stem``: ``web@``, ``-health``."""
    prefix, at, _ = stem.partition("@")
    return f"{prefix}{part}{at}{suffix}"


def unit_reference(stem: str, suffix: str, part: str = "") -> str:
    """Return how units of the pod name each other: a template by its instance."""
    prefix, at, _ = stem.partition("@")
    return f"{prefix}{part}@%i{suffix}" if at else f"{prefix}{part}{suffix}"


def translated(entry: Entry, known: Container[str], problems: list[Problem]) -> str:
    """Return the value of a dependency, with services where it names ``.pod`` files.

    ``known`` are the names of all files; one that is not there is a problem.
    """
    words = []
    for word in entry.value.split():
        if word.endswith(SUFFIX):
            prefix, at, _ = word.removesuffix(SUFFIX).partition("@")
            if f"{prefix}{at}{SUFFIX}" not in known:
                problems.append(entry.problem(f"{entry.key}=: there is no {prefix}{at}{SUFFIX}"))
            word = word.removesuffix(SUFFIX) + ".service"
        words.append(word)
    return " ".join(words)
