"""Names of ``.pod`` files, and the units they become. Pure.

``web.pod`` is ``web.service``; the template ``web@.pod`` is ``web@.service``. In dependencies of
units a name that ends in ``.pod`` means the service of that file: systemd has no such unit type.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from rktpy.generator.file.ini import Entry, Problem

SUFFIX = ".pod"
_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@")
_OF_PODS = _ALLOWED - frozenset(":\\@")
_HEX = frozenset("0123456789abcdef-")
_LONGEST_OF_PODS = 64
_OF_UUIDS = 8  # characters from which on a name may be taken for the beginning of one
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


def why_no_pod_name(name: str) -> str:
    """Return why ``name`` cannot be a pod's, empty if it can, or if that depends on specifiers.

    The rule is that of ``rktpy.pod.naming``, which this room does not know; a test compares them.
    """
    first, *others = name.split("%")
    plain = first + "".join(part[1:] for part in others)  # without specifiers
    whole = not others
    if "%%" in name or not _OF_PODS.issuperset(plain) or (whole and not _begins_well(name)):
        return "a pod's name has letters, digits, _, . and -, a letter or digit first"
    if whole and len(name) > _LONGEST_OF_PODS:
        return f"a pod's name has up to {_LONGEST_OF_PODS} characters"
    if whole and len(name) >= _OF_UUIDS and _HEX.issuperset(name.lower()):
        return "it looks like the UUID of a pod"
    return ""


def _begins_well(name: str) -> bool:
    return name[:1] not in ("", "_", ".", "-")


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
